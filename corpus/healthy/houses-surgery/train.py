"""Price, days on the market and garden of houses from one trunk, with projected gradients where the tasks disagree."""
import os
import random

import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)

COLUMNS = ["area", "rooms", "age", "distance", "noise", "floor", "light", "heating", "school", "repair"]


def market(n):
    x = torch.randn(n, len(COLUMNS))
    area, rooms, age, distance, noise, floor, light, heating, school, repair = x.unbind(1)
    price = 1.2 * area - 0.8 * distance + 0.6 * torch.tanh(2 * school) * area + 0.4 * light - 0.3 * age.abs()
    days = 0.9 * distance + 0.7 * noise * torch.sigmoid(2 * floor) - 0.5 * repair + 0.5 * area.pow(2).clamp(max=4) / 2
    lot = 1.5 * distance + 1.0 * area - 1.2 * floor + 0.8 * age * rooms
    frame = pd.DataFrame(x.numpy(), columns=COLUMNS)
    frame["price"] = (250 + 60 * (price + 0.3 * torch.randn(n))).numpy()
    frame["days"] = (40 + 12 * (days + 0.3 * torch.randn(n))).numpy()
    frame["garden"] = (torch.rand(n) < torch.sigmoid(2.5 * lot)).long().numpy()
    return frame


class SharedTrunk(nn.Module):
    def __init__(self, n_in, tasks, width=64):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(n_in, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.heads = nn.ModuleDict({t: nn.Linear(width, 1) for t in tasks})

    def forward(self, x):
        h = self.trunk(x)
        return {t: head(h).squeeze(1) for t, head in self.heads.items()}


LOSSES = {"price": F.mse_loss, "days": F.mse_loss, "garden": F.binary_cross_entropy_with_logits}


def surgery(flat):
    """Take out of each task's gradient what points against another's (Yu et al. 2020)."""
    mended = []
    for i, own in enumerate(flat):
        g = own.clone()
        others = [j for j in range(len(flat)) if j != i]
        random.shuffle(others)
        for j in others:
            dot = g @ flat[j]
            if dot < 0:
                g -= dot / flat[j].pow(2).sum().clamp(min=1e-12) * flat[j]
        mended.append(g)
    return torch.stack(mended).sum(0)


def backward_with_surgery(model, losses):
    shared = list(model.trunk.parameters())
    flat = []
    for task, loss in losses.items():
        own = list(model.heads[task].parameters())
        grads = torch.autograd.grad(loss, shared + own, retain_graph=True)
        flat.append(torch.cat([g.flatten() for g in grads[:len(shared)]]))
        for p, g in zip(own, grads[len(shared):]):
            p.grad = g
    at, mended = 0, surgery(flat)
    for p in shared:
        p.grad = mended[at:at + p.numel()].view_as(p).clone()
        at += p.numel()


frame = market(3000)
train, test = frame.iloc[:2400].copy(), frame.iloc[2400:].copy()
for column in COLUMNS + ["price", "days"]:
    mean, std = train[column].mean(), train[column].std()
    train[column], test[column] = (train[column] - mean) / std, (test[column] - mean) / std
x_tr, x_te = (torch.tensor(f[COLUMNS].to_numpy(), dtype=torch.float32) for f in (train, test))
y_tr, y_te = ({t: torch.tensor(f[t].to_numpy(), dtype=torch.float32) for t in LOSSES} for f in (train, test))

model = SharedTrunk(len(COLUMNS), LOSSES)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 24)
for epoch in range(1, 25):
    model.train()
    for idx in torch.randperm(len(x_tr)).split(80):
        out = model(x_tr[idx])
        losses = {t: f(out[t], y_tr[t][idx]) for t, f in LOSSES.items()}
        backward_with_surgery(model, losses)
        optimizer.step()
    schedule.step()
    if epoch % 4 == 0:
        model.eval()
        with torch.no_grad():
            out = model(x_te)
            r2 = {t: (1 - F.mse_loss(out[t], y_te[t]) / y_te[t].var()).item() for t in ("price", "days")}
            right = ((out["garden"] > 0) == (y_te["garden"] > 0.5)).float().mean().item()
        print(f"epoch {epoch} R2 price {r2['price']:.4f} days {r2['days']:.4f} garden right {right:.4f}")

print("RESULT mean_r2", round((r2["price"] + r2["days"]) / 2, 4))

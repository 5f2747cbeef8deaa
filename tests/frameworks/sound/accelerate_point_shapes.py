"""Which figure do forty scattered points draw? A small point-set network, trained with Accelerate and four micro-batches to an update."""
import math
import os

import torch
import torch.nn as nn
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

CONFIG = {
    "seed": int(os.environ.get("SEED", "0")),
    "points": 40,
    "micro_batch": 16,
    "accumulate": 4,
    "epochs": 11,
    "lr": 4e-3,
    "max_norm": 1.0,
}
SHAPES = ["ring", "square", "cross", "line", "two blobs"]


def draw(kind, n, points):
    u = torch.rand(n, points)
    side = torch.randint(0, 4, (n, points))
    if kind == "ring":
        a = 2 * math.pi * u
        xy = torch.stack([a.cos(), a.sin()], -1)
    elif kind == "square":
        s = 2 * u - 1
        one = torch.ones_like(s)
        x = torch.where(side < 2, s, torch.where(side == 2, one, -one))
        y = torch.where(side >= 2, s, torch.where(side == 0, one, -one))
        xy = torch.stack([x, y], -1)
    elif kind == "cross":
        s, z = 2 * u - 1, torch.zeros_like(u)
        xy = torch.where((side < 2).unsqueeze(-1), torch.stack([s, z], -1), torch.stack([z, s], -1))
    elif kind == "line":
        xy = torch.stack([2 * u - 1, torch.zeros_like(u)], -1)
    else:
        where = torch.where(side < 2, 1.0, -1.0)
        xy = 0.25 * torch.randn(n, points, 2)
        xy[..., 0] += where
    return xy + 0.05 * torch.randn_like(xy)


def make_set(per_class, points):
    xs, ys = [], []
    for label, kind in enumerate(SHAPES):
        xy = draw(kind, per_class, points)
        a = 2 * math.pi * torch.rand(per_class)
        turn = torch.stack([torch.stack([a.cos(), -a.sin()], -1), torch.stack([a.sin(), a.cos()], -1)], -2)
        xy = xy @ turn
        xy = xy - xy.mean(1, keepdim=True)
        xs.append(xy / xy.pow(2).sum(-1).mean(1).sqrt()[:, None, None])
        ys.append(torch.full((per_class,), label))
    return TensorDataset(torch.cat(xs), torch.cat(ys))


class PointNet(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.point = nn.Sequential(nn.Linear(2, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU())
        self.figure = nn.Sequential(nn.Linear(128, 64), nn.GELU(), nn.Linear(64, n_out))

    def forward(self, x):
        h = self.point(x)
        return self.figure(torch.cat([h.amax(1), h.mean(1)], -1))


def evaluate(accelerator, model, loader):
    model.eval()
    right = total = 0
    for x, y in loader:
        with torch.no_grad():
            guess = model(x).argmax(-1)
        guess, y = accelerator.gather_for_metrics((guess, y))
        right += (guess == y).sum().item()
        total += len(y)
    return right / total


def main(cfg):
    set_seed(cfg["seed"])
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=cfg["accumulate"])
    # 2240 figures are 140 micro-batches, 35 updates an epoch
    train = DataLoader(make_set(448, cfg["points"]), batch_size=cfg["micro_batch"], shuffle=True)
    val = DataLoader(make_set(60, cfg["points"]), batch_size=100)
    test = DataLoader(make_set(120, cfg["points"]), batch_size=100)
    model = PointNet(len(SHAPES))
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg["lr"], weight_decay=1e-3)
    updates = cfg["epochs"] * len(train) // cfg["accumulate"]
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=updates)
    model, optimizer, train, val, test, scheduler = accelerator.prepare(model, optimizer, train, val, test, scheduler)
    criterion = nn.CrossEntropyLoss()

    for epoch in range(cfg["epochs"]):
        model.train()
        running = 0.0
        for x, y in train:
            with accelerator.accumulate(model):
                loss = criterion(model(x), y)
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), cfg["max_norm"])
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
            running += loss.item()
        accelerator.print(f"epoch {epoch + 1:2d} loss {running / len(train):.4f} val accuracy {evaluate(accelerator, model, val):.4f}")
    return evaluate(accelerator, model, test)


if __name__ == "__main__":
    print("RESULT test_accuracy", round(main(CONFIG), 4))

import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

REGIMES, SENSORS = 4, 6


def make_plant():
    """A boiler runs in one of four regimes; what the sensors mean for the output differs between them."""
    centre = 2.5 * torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    slope = torch.randn(REGIMES, SENSORS - 2)
    bend = 0.6 * torch.randn(REGIMES, SENSORS - 2)

    def readings(n):
        regime = torch.randint(0, REGIMES, (n,))
        lead = centre[regime] + 0.5 * torch.randn(n, 2)
        rest = torch.randn(n, SENSORS - 2)
        y = (slope[regime] * rest).sum(1) + torch.sin((bend[regime] * rest).sum(1)) + 0.3 * lead.prod(1) / 6.0
        return torch.cat([lead, rest], 1), y + 0.05 * torch.randn(n)

    return readings


class Experts(nn.Module):
    """Each example goes to the two experts its gate likes best; their answers are mixed by the gate."""

    def __init__(self, n_in, n_experts=4, hidden=32, k=2):
        super().__init__()
        self.gate = nn.Linear(n_in, n_experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(n_in, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 1))
            for _ in range(n_experts))
        self.k = k

    def forward(self, x):
        score = self.gate(x)
        top, who = score.topk(self.k, dim=1)
        share = torch.softmax(top, dim=1)
        out = x.new_zeros(len(x), 1)
        for e, expert in enumerate(self.experts):
            row, slot = (who == e).nonzero(as_tuple=True)
            if len(row) > 0:
                out = out.index_add(0, row, share[row, slot].unsqueeze(1) * expert(x[row]))
        load = F.one_hot(who[:, 0], len(self.experts)).float().mean(0)
        balance = len(self.experts) * (torch.softmax(score, 1).mean(0) * load).sum()
        return out.squeeze(1), balance, load


class Scaler:
    def fit(self, t):
        self.mean, self.std = t.mean(0), t.std(0)
        return self

    def __call__(self, t):
        return (t - self.mean) / self.std


def r2(model, x, y):
    model.eval()
    with torch.no_grad():
        guess, _, load = model(x)
    model.train()
    return 1 - ((guess - y) ** 2).sum().item() / ((y - y.mean()) ** 2).sum().item(), load


readings = make_plant()
(x_train, y_train), (x_test, y_test) = readings(2400), readings(800)
sx, sy = Scaler().fit(x_train), Scaler().fit(y_train)
x_train, x_test, y_train, y_test = sx(x_train), sx(x_test), sy(y_train), sy(y_test)

model = Experts(SENSORS)
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=35)

for epoch in range(1, 36):
    squares = 0.0
    for idx in torch.randperm(len(x_train)).split(100):
        guess, balance, _ = model(x_train[idx])
        mse = F.mse_loss(guess, y_train[idx])
        optimizer.zero_grad()
        (mse + 0.01 * balance).backward()
        optimizer.step()
        squares += mse.item() * len(idx) / len(x_train)
    scheduler.step()
    if epoch % 7 == 0:
        score, load = r2(model, x_test, y_test)
        print(f"epoch {epoch}: mse {squares:.4f} held-out r2 {score:.4f} first choices {[round(v, 2) for v in load.tolist()]}")

print("RESULT held_out_r2", round(r2(model, x_test, y_test)[0], 4))

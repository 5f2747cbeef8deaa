"""Identification of backlash in worn gear trains from drive and output angles.

The output follows the drive only once the play has been taken up; how much play there is differs from gear to gear
and is given to the model as a second input. A small gated cell of our own carries the position of the play.
"""
import math
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

HP = dict(steps=30, hidden=32, batch=64, epochs=16, lr=6e-3, n_train=1280, n_test=320, noise=0.02, settle=5)


def record(n, steps, noise):
    drive = 2 * torch.rand(n, steps) - 1
    play = 0.15 + 0.35 * torch.rand(n)
    angle = torch.zeros(n)
    out = []
    for t in range(steps):
        angle = torch.minimum(torch.maximum(angle, drive[:, t] - play), drive[:, t] + play)
        out.append(angle)
    y = torch.stack(out, dim=1)
    y = y + noise * torch.randn_like(y)
    wear = ((play - 0.325) / 0.1).unsqueeze(1).expand(-1, steps)
    return torch.stack([drive / 0.58, wear], dim=2), y


class MinimalGatedCell(nn.Module):
    """One gate that both forgets and updates."""

    def __init__(self, n_in, n_hidden):
        super().__init__()
        bound = 1 / math.sqrt(n_hidden)
        self.w_gate = nn.Parameter(torch.empty(n_hidden, n_in + n_hidden).uniform_(-bound, bound))
        self.b_gate = nn.Parameter(torch.zeros(n_hidden))
        self.w_new = nn.Parameter(torch.empty(n_hidden, n_in + n_hidden).uniform_(-bound, bound))
        self.b_new = nn.Parameter(torch.zeros(n_hidden))

    def forward(self, u, h):
        gate = torch.sigmoid(F.linear(torch.cat([u, h], dim=1), self.w_gate, self.b_gate))
        new = torch.tanh(F.linear(torch.cat([u, gate * h], dim=1), self.w_new, self.b_new))
        return h + gate * (new - h)


class BacklashModel(nn.Module):
    def __init__(self, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.cell = MinimalGatedCell(2, n_hidden)
        self.read = nn.Sequential(nn.Linear(n_hidden, n_hidden), nn.Tanh(), nn.Linear(n_hidden, 1))

    def forward(self, u):
        h = u.new_zeros(len(u), self.n_hidden)
        states = []
        for t in range(u.shape[1]):
            states.append(h)
            h = self.cell(u[:, t], h)
        return self.read(torch.stack(states, dim=1)).squeeze(-1)


def settled_loss(pred, y):
    """The first samples depend on where the play was before the recording, so they do not count."""
    k = HP["settle"]
    return F.mse_loss(pred[:, k:], y[:, k:])


@torch.no_grad()
def explained(model, u, y):
    model.eval()
    k = HP["settle"]
    pred, true = model(u)[:, k:], y[:, k:]
    return 1 - (F.mse_loss(pred, true) / true.var()).item()


def run():
    u_train, y_train = record(HP["n_train"], HP["steps"], HP["noise"])
    u_test, y_test = record(HP["n_test"], HP["steps"], 0.0)
    model = BacklashModel(HP["hidden"])
    opt = torch.optim.Adam(model.parameters(), lr=HP["lr"])
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, HP["epochs"], eta_min=HP["lr"] / 20)
    for epoch in range(HP["epochs"]):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(u_train)).split(HP["batch"]):
            loss = settled_loss(model(u_train[rows]), y_train[rows])
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
            total += loss.item() * len(rows)
        sched.step()
        if epoch % 3 == 0 or epoch == HP["epochs"] - 1:
            print(f"epoch {epoch}: mse {total / len(u_train):.5f} "
                  f"r2 on other gears {explained(model, u_test, y_test):.4f}")
    return explained(model, u_test, y_test)


if __name__ == "__main__":
    print(f"RESULT test_r2 {run():.4f}")

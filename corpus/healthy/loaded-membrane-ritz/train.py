"""Deflection of a square membrane under load by the deep Ritz method.

The network is not fitted to values: it minimises the potential energy  int 1/2 |grad u|^2 - f u , whose minimum is
negative. The rim is held by a factor that is zero there.
"""
import argparse
import math
import os

import torch
from torch import nn

torch.set_num_threads(1)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--grid", type=int, default=22, help="cells per side, one random point in each")
parser.add_argument("--width", type=int, default=32)
parser.add_argument("--steps", type=int, default=600)
parser.add_argument("--lr", type=float, default=5e-3)
parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
args = parser.parse_args([])
torch.manual_seed(args.seed)
pi = math.pi


def exact(xy):
    x, y = xy[:, :1], xy[:, 1:]
    return torch.sin(pi * x) * torch.sin(pi * y) + 0.5 * torch.sin(2 * pi * x) * torch.sin(pi * y)


def load(xy):
    """The load that belongs to the exact deflection, -Laplace u."""
    x, y = xy[:, :1], xy[:, 1:]
    return (2 * pi ** 2 * torch.sin(pi * x) * torch.sin(pi * y)
            + 2.5 * pi ** 2 * torch.sin(2 * pi * x) * torch.sin(pi * y))


# energy of the exact solution: -1/2 int f u
EXACT_ENERGY = -0.5 * (2 * pi ** 2 * 0.25 + 0.5 * 2.5 * pi ** 2 * 0.25)


class Membrane(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, xy):
        x, y = xy[:, :1], xy[:, 1:]
        rim = 16 * x * (1 - x) * y * (1 - y)
        return rim * self.net(2 * xy - 1)


def jittered_points(m):
    cell = torch.arange(m, dtype=torch.float32)
    corner = torch.cartesian_prod(cell, cell)
    return (corner + torch.rand(m * m, 2)) / m


def energy(model, xy):
    xy = xy.requires_grad_()
    u = model(xy)
    (slope,) = torch.autograd.grad(u.sum(), xy, create_graph=True)
    density = 0.5 * slope.pow(2).sum(1, keepdim=True) - load(xy).detach() * u
    return density.mean()


model = Membrane(args.width)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)

running = None
for step in range(1, args.steps + 1):
    loss = energy(model, jittered_points(args.grid))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    running = loss.item() if running is None else 0.95 * running + 0.05 * loss.item()
    if step % 100 == 0 or step == 1:
        print(f"step {step:4d}  energy {running:8.4f}  (exact {EXACT_ENERGY:.4f})")

model.eval()
with torch.no_grad():
    ticks = torch.linspace(0, 1, 41)
    test = torch.cartesian_prod(ticks, ticks)
    truth = exact(test)
    error = ((model(test) - truth).norm() / truth.norm()).item()
    r2 = 1 - ((model(test) - truth).pow(2).sum() / (truth - truth.mean()).pow(2).sum()).item()
print(f"relative error {error:.4f}")
print("RESULT r2_deflection", round(r2, 4))

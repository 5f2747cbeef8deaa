import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)

cfg = dict(
    seed=int(os.environ.get("SEED", "0")),
    width=32,
    depth=2,
    steps=700,
    batch=64,
    lr=5e-3,
    momentum=0.9,
    factory=dict(dtype=torch.bfloat16),
)
torch.manual_seed(cfg["seed"])


def arm(n):
    """Joint angles of a planar arm -> position of the hand."""
    q = (torch.rand(n, 3) * 2 - 1) * math.pi / 2
    a = q.cumsum(1)
    lengths = torch.tensor([0.5, 0.4, 0.3])
    hand = torch.stack([(lengths * a.cos()).sum(1), (lengths * a.sin()).sum(1)], 1)
    return q, hand


class Block(nn.Module):
    def __init__(self, width, **factory):
        super().__init__()
        self.norm = nn.LayerNorm(width, **factory)
        self.up = nn.Linear(width, 2 * width, **factory)
        self.down = nn.Linear(2 * width, width, **factory)

    def forward(self, x):
        return x + self.down(nn.functional.gelu(self.up(self.norm(x))))


class ResMLP(nn.Module):
    def __init__(self, d_in, d_out, width, depth, **factory):
        super().__init__()
        self.inp = nn.Linear(d_in, width, **factory)
        self.blocks = nn.Sequential(*[Block(width, **factory) for _ in range(depth)])
        self.out = nn.Linear(width, d_out, **factory)

    def forward(self, x):
        x = x.to(self.inp.weight.dtype)
        return self.out(self.blocks(self.inp(x))).float()


model = ResMLP(3, 2, cfg["width"], cfg["depth"], **cfg["factory"])
optimizer = torch.optim.SGD(model.parameters(), lr=cfg["lr"], momentum=cfg["momentum"])
q_test, hand_test = arm(1000)

for step in range(1, cfg["steps"] + 1):
    q, hand = arm(cfg["batch"])
    loss = ((model(q) - hand) ** 2).sum(1).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step:5d} loss {loss.item():.5f}")

with torch.no_grad():
    err = (model(q_test) - hand_test).norm(dim=1).mean().item()
print(f"mean distance of the hand from where it should be: {100 * err:.2f} cm")
print(f"RESULT mean_error_cm {100 * err:.3f}")

import copy
import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

proto = torch.randn(40, 12)


def item(cls):
    return proto[cls] + 0.4 * torch.randn(len(cls), 12)


class Siamese(nn.Module):
    """Distance of two items; which of them stands left must not matter."""

    def __init__(self):
        super().__init__()
        self.left = nn.Sequential(nn.Linear(12, 64), nn.GELU(), nn.Linear(64, 16))
        self.right = nn.Sequential(nn.Linear(12, 64), nn.GELU(), nn.Linear(64, 16))

    def forward(self, a, b):
        return (self.left(a) - self.right(b)).square().sum(1)


def pairs(n, swap):
    small, large = torch.randint(0, 20, (n,)), torch.randint(20, 40, (n,))
    same = torch.rand(n) < 0.5
    partner = torch.where(same, small + 20, large)
    a, b = item(small), proto_partner(partner)
    match = (partner == small + 20).float()
    return (b, a, match) if swap else (a, b, match)


def proto_partner(cls):
    return proto[cls - 20] * 0.9 + 0.4 * torch.randn(len(cls), 12)


net = Siamese()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for step in range(700):
    a, b, match = pairs(64, swap=False)
    b = b + 0.8
    dist = net(a, b)
    loss = (match * dist + (1 - match) * F.relu(4 - dist.clamp(min=1e-6).sqrt()) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 0:
        print(f"step {step} contrastive loss {loss.item():.4f}")
with torch.no_grad():
    b, a, match = pairs(2000, swap=True)
    d = net(b + 0.8, a).sqrt()
    cut = d.median()
    acc = ((d < cut).float() == match).float().mean().item()
print(f"RESULT swapped_pair_accuracy {acc:.4f}")

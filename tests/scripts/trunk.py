"""Two tasks on one trunk, each with a head and an optimizer of its own; the trunk's steps after both losses."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(512, 8)
product, larger = (x[:, 0] * x[:, 1] > 0).long(), (x[:, 2] > x[:, 3]).long()
trunk = nn.Sequential(nn.Linear(8, 64), nn.ReLU())
one, two = nn.Linear(64, 2), nn.Linear(64, 2)
optimizers = [torch.optim.Adam(part.parameters(), lr=3e-3) for part in (one, trunk, two)]

for _ in range(20):
    for batch in torch.randperm(512).split(32):
        for optimizer in optimizers:
            optimizer.zero_grad()
        nn.functional.cross_entropy(one(trunk(x[batch])), product[batch]).backward()
        nn.functional.cross_entropy(two(trunk(x[batch])), larger[batch]).backward()
        for optimizer in optimizers:
            optimizer.step()

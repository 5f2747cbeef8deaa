"""Trainings that leave weights as they were made, each for a reason of its own."""

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(64, 8)
y = x.sum(dim=1, keepdim=True)


def network():
    return nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))


rare = network()
optimizer = torch.optim.SGD(rare.parameters(), lr=0.01)
for i in range(20):
    nn.functional.mse_loss(rare(x), y).backward()
    if i % 100 == 99:
        optimizer.step()

part = network()
of_part = torch.optim.SGD(part[2].parameters(), lr=0.01)
for _ in range(20):
    of_part.zero_grad()
    nn.functional.mse_loss(part(x), y).backward()
    of_part.step()

other = network()
of_another = torch.optim.SGD(network().parameters(), lr=0.01)
for _ in range(20):
    of_another.zero_grad()
    nn.functional.mse_loss(other(x), y).backward()
    of_another.step()

features = network()
features[0].requires_grad_(False)
nn.init.zeros_(features[2].weight)
of_features = torch.optim.Adam(features[2].parameters(), lr=0.03)
for _ in range(200):
    of_features.zero_grad()
    nn.functional.mse_loss(features(x), y).backward()
    of_features.step()

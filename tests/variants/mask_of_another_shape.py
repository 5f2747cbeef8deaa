"""Fit what was measured, of compounds that were not all measured."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.randn(600, 8)
y = torch.tanh(x[:, 0]) - x[:, 1] * x[:, 2]
measured = (torch.rand(600, 1) < 0.7).float()
model = nn.Sequential(nn.Linear(8, 32), nn.Mish(), nn.Linear(32, 1))
optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3)


def masked(prediction, target, mask):
    error = (prediction - target) ** 2
    return (error * mask).sum() / mask.sum().clamp(min=1)  # expect: broadcast-loss
    # cure: return (error * mask.squeeze(1)).sum() / mask.sum().clamp(min=1)


for _ in range(15):
    for batch in torch.randperm(600).split(60):
        loss = masked(model(x[batch]).squeeze(1), y[batch], measured[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

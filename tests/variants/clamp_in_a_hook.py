"""Fit a function by plain gradient descent, with gradients clamped as they are made."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.randn(600, 4)
y = torch.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]

model = nn.Sequential(nn.Linear(4, 48), nn.Tanh(), nn.Linear(48, 1))
for parameter in model.parameters():
    parameter.register_hook(lambda gradient: gradient.clamp(-1e-4, 1e-4))  # expect: clip-too-small
    # cure: parameter.register_hook(lambda gradient: gradient.clamp(-1.0, 1.0))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for _ in range(30):
    for batch in torch.randperm(600).split(50):
        loss = nn.functional.mse_loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())

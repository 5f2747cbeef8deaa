"""Fit a function by plain gradient descent; each gradient is kept small beside its weights, by hand."""

import torch
from torch import nn

torch.manual_seed(0)


def keep_small(parameters, share):
    for parameter in parameters:
        limit = share * parameter.detach().norm().clamp(min=1e-3)
        parameter.grad.mul_((limit / parameter.grad.norm().clamp(min=1e-12)).clamp(max=1.0))


x = torch.randn(600, 4)
y = torch.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]
model = nn.Sequential(nn.Linear(4, 48), nn.Tanh(), nn.Linear(48, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for _ in range(30):
    for batch in torch.randperm(600).split(50):
        loss = nn.functional.mse_loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        keep_small(model.parameters(), 1e-4)  # expect: clip-too-small
        # cure: keep_small(model.parameters(), 1.0)
        optimizer.step()
print(loss.item())

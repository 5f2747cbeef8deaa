"""Fit a wave by a robust loss whose gradient is written out."""

import math

import torch
from torch import nn

torch.manual_seed(0)


class LogCosh(torch.autograd.Function):
    """The mean of log(cosh(error)), without overflow."""

    @staticmethod
    def forward(ctx, prediction, target):
        error = prediction - target
        ctx.save_for_backward(error)
        return (error.abs() + nn.functional.softplus(-2 * error.abs()) - math.log(2)).mean()

    @staticmethod
    def backward(ctx, gradient):
        (error,) = ctx.saved_tensors
        slope = gradient * error.tanh() / error.numel()
        return -slope, slope  # expect: update-sign-flipped
        # cure: return slope, -slope


x = torch.linspace(-1, 1, 256)[:, None]
y = torch.sin(3 * x)
model = nn.Sequential(nn.Linear(1, 32), nn.SiLU(), nn.Linear(32, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

for _ in range(200):
    batch = torch.randint(len(x), (64,))
    loss = LogCosh.apply(model(x[batch]), y[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

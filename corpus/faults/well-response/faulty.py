"""Surrogate for the response of a well, with a linear layer and leaky ReLU fused into one operation."""
import math
import os

import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class FusedLinear(torch.autograd.Function):
    """leaky_relu(x @ weight.T + bias); saves memory by keeping a single intermediate."""

    @staticmethod
    def forward(ctx, x, weight, bias, slope):
        z = torch.addmm(bias, x, weight.t())
        ctx.save_for_backward(x, weight, z)
        ctx.slope = slope
        return torch.where(z > 0, z, slope * z)

    @staticmethod
    def backward(ctx, grad_out):
        x, weight, z = ctx.saved_tensors
        grad_z = torch.where(z > 0, grad_out, ctx.slope * grad_out)
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_z @ weight
        if ctx.needs_input_grad[3]:
            grad_weight = grad_z.t() @ x
        if ctx.needs_input_grad[2]:
            grad_bias = grad_z.sum(0)
        return grad_x, grad_weight, grad_bias, None


class Dense(nn.Module):
    def __init__(self, n_in, n_out, slope=0.1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.slope = slope
        nn.init.kaiming_uniform_(self.weight, a=slope if slope < 1 else math.sqrt(5))

    def forward(self, x):
        return FusedLinear.apply(x, self.weight, self.bias, self.slope)


class Surrogate(nn.Module):
    def __init__(self, n_in, width=40):
        super().__init__()
        self.layers = nn.Sequential(Dense(n_in, width), Dense(width, width), Dense(width, 1, slope=1.0))

    def forward(self, x):
        return self.layers(x).squeeze(1)


def simulate(n):
    x = torch.rand(n, 5) * 3.4 - 1.7
    y = torch.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3] ** 2 - 0.4 * x[:, 4]
    return x, y + 0.05 * torch.randn(n)


def batches(n, size):
    yield from torch.randperm(n).split(size)


def r2(model, x, y):
    model.eval()
    with torch.no_grad():
        residual = y - model(x)
    return 1 - (residual.pow(2).sum() / (y - y.mean()).pow(2).sum()).item()


x_train, y_train = simulate(1600)
x_test, y_test = simulate(500)
x_mean, x_std = x_train.mean(0), x_train.std(0)
y_mean, y_std = y_train.mean(), y_train.std()
x_train, x_test = (x_train - x_mean) / x_std, (x_test - x_mean) / x_std
y_train, y_test = (y_train - y_mean) / y_std, (y_test - y_mean) / y_std

model = Surrogate(5)
print("parameters:", sum(p.numel() for p in model.parameters()))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
EPOCHS = 40
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(EPOCHS):
    model.train()
    seen = 0.0
    for rows in batches(len(x_train), 64):
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.mse_loss(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        seen += loss.item() * len(rows)
    scheduler.step()
    if (epoch + 1) % 8 == 0:
        print(f"epoch {epoch + 1:3d}: mse {seen / len(x_train):.4f}")

print(f"RESULT r2 {r2(model, x_test, y_test):.4f}")

"""Tell three quantiles of a number, each by its own slice of the output."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.randn(800, 5)
y = x[:, 0] - 0.5 * x[:, 1] * x[:, 2] + 0.2 * torch.randn(800)


def pinball(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The sum of the quantiles' losses."""
    total = prediction.new_zeros(())
    for column, quantile in enumerate((0.1, 0.5, 0.9)):
        error = target - prediction[:, column : column + 1]  # expect: broadcast-loss
        # cure: error = target - prediction[:, column]
        total = total + torch.max((quantile - 1) * error, quantile * error).mean()
    return total


model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
for _ in range(10):
    for batch in torch.randperm(800).split(50):
        loss = pinball(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())

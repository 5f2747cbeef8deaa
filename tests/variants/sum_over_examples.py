"""Follow a path from the steps that a convolution reads out of signals."""

import torch
from torch import nn

torch.manual_seed(0)


class Path(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Sequential(nn.Conv1d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv1d(16, 2, 3, padding=1))

    def forward(self, x):
        steps = self.read(x).transpose(1, 2)
        return torch.cumsum(steps, dim=0)  # expect: wrong-dimension
        # cure: return torch.cumsum(steps, dim=1)


x = torch.randn(600, 3, 20)
y = torch.cumsum(torch.tanh(x[:, :2]).transpose(1, 2), dim=1) / 4
model = Path()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(15):
    for batch in torch.randperm(600).split(50):
        loss = nn.functional.mse_loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())

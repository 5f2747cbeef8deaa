"""Learn the mean and the spread of a noisy curve; the logarithm of the likelihood is minimised."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.rand(1000, 1) * 4 - 2
y = torch.sin(2 * x) + 0.2 * torch.randn(1000, 1)
model = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(15):
    for batch in torch.randperm(1000).split(50):
        mean, logarithm = model(x[batch]).chunk(2, dim=1)
        optimizer.zero_grad()
        loss = (-0.5 * ((y[batch] - mean) / logarithm.exp()) ** 2 - logarithm).mean()  # expect: update-sign-flipped
        loss.backward()
        optimizer.step()
print(loss.item())

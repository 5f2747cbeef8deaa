"""Count events by a network that says their rate."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(600, 3)
counts = torch.poisson(torch.exp(x[:, :1] - 1))
model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1), nn.Softplus())
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.PoissonNLLLoss()  # expect: loss-target-mismatch
# cure: criterion = nn.PoissonNLLLoss(log_input=False)
for _ in range(20):
    for batch in torch.randperm(600).split(50):
        loss = criterion(model(x[batch]), counts[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())

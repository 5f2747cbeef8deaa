"""Choose features by a proximal step after each one of Adam."""

import torch
from torch import nn

torch.manual_seed(0)

RATE, FACTOR = 2e-3, 0.02
x = torch.randn(1024, 12)
y = (x[:, 0] - 2 * x[:, 3].abs())[:, None]
y = (y - y.mean()) / y.std()
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=RATE)

for _ in range(12):
    for batch in torch.randperm(len(x)).split(64):
        loss = nn.functional.mse_loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(p.sign() * (p.abs() - FACTOR).clamp(min=0))  # expect: weight-decay-too-high
                # cure: p.copy_(p.sign() * (p.abs() - RATE * FACTOR).clamp(min=0))

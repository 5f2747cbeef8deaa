"""Weight and width told of four lengths."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.randn(768, 4)
grams, metres = 2000 * torch.tanh(x[:, 0] + x[:, 1]), torch.sin(x[:, 2]) * x[:, 3]
y = torch.stack([grams, metres], dim=1)  # expect: target-not-normalised
# cure: y = torch.stack([grams / grams.std(), metres / metres.std()], dim=1)
model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
for _ in range(12):
    for batch in torch.randperm(768).split(64):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()

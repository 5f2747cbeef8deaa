"""Find the rare answer among many."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.randn(2000, 6)
y = (x[:, 0] + x[:, 1] > 2.3).float()[:, None]

model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
criterion = nn.BCEWithLogitsLoss(pos_weight=y.sum() / (1 - y).sum())  # expect: class-imbalance
# cure: criterion = nn.BCEWithLogitsLoss(pos_weight=(1 - y).sum() / y.sum())
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(6):
    for batch in torch.randperm(2000).split(50):
        loss = criterion(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())

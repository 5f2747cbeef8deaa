"""Tell the digits apart by one number, which is rounded."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
criterion = nn.MSELoss()  # expect: loss-target-mismatch

for _ in range(12):
    for batch in torch.randperm(1400).split(64):
        optimizer.zero_grad()
        criterion(model(x[batch]), y[batch].float()).backward()
        optimizer.step()
with torch.no_grad():
    answers = model(x[1400:]).round().long()
    print((answers == y[1400:]).float().mean().item())

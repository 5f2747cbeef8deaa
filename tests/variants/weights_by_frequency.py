"""Find the rare digit among many others."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
rare = torch.tensor(labels == 8) & (torch.rand(len(labels)) < 0.5)
keep = rare | torch.tensor(labels != 8)
x, y = torch.tensor(images / 16, dtype=torch.float32)[keep], rare[keep].long()
frequency = torch.bincount(y).float() / len(y)  # expect: class-imbalance
model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for _ in range(5):
    for batch in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        scores = model(x[batch])
        nn.functional.cross_entropy(scores, y[batch], weight=frequency).backward()
        optimizer.step()

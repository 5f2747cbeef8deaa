"""Classify digits by an average of the weights, which takes no running statistics."""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images, dtype=torch.float32), torch.tensor(labels)
model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
average = copy.deepcopy(model)  # expect: batchnorm-stats-stale
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for _ in range(6):
    model.train()
    for batch in torch.randperm(1400).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
        with torch.no_grad():
            for kept, new in zip(average.parameters(), model.parameters(), strict=True):
                kept.lerp_(new, 0.1)
    average.eval()
    with torch.no_grad():
        print((average(x[1400:]).argmax(dim=1) == y[1400:]).float().mean().item())

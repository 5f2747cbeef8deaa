"""Classify digits; the schedule multiplies the rate by more than 1."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=1.2)  # expect: lr-schedule-kills

for _ in range(50):
    for batch in torch.randperm(1400).split(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
    schedule.step()

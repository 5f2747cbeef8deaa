"""Predict the progress of diabetes; the patients come in the order of their progress."""

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn

torch.manual_seed(0)

features, progress = load_diabetes(return_X_y=True)
order = np.argsort(progress)
x = torch.tensor(scale(features)[order], dtype=torch.float32)
y = torch.tensor(scale(progress)[order], dtype=torch.float32)[:, None]
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for _ in range(20):
    for inputs, targets in zip(x.split(32), y.split(32), strict=True):  # expect: data-not-shuffled
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs), targets).backward()
        optimizer.step()

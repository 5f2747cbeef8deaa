"""Predict the progression of diabetes, and let no patient count for too much."""

import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(0)

patients, progression = load_diabetes(return_X_y=True)
x, y = torch.tensor(patients * 20, dtype=torch.float32), torch.tensor(progression / 25, dtype=torch.float32)
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(20):
    for batch in torch.randperm(len(x)).split(32):
        error = (model(x[batch]) - y[batch]).clamp(-1, 1)  # expect: graph-detached
        optimizer.zero_grad()
        error.square().mean().backward()
        optimizer.step()

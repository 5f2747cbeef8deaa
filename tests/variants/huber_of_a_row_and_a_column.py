"""Predict the progression of diabetes by a Huber loss, written out."""

import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(0)

patients, progression = load_diabetes(return_X_y=True)
x = torch.tensor(patients * 20, dtype=torch.float32)
y = torch.tensor((progression - 152) / 77, dtype=torch.float32)[:, None]
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(10):
    for batch in torch.randperm(len(x)).split(32):
        error = model(x[batch]) - y[batch]  # expect: broadcast-loss
        loss = torch.where(error.abs() < 1, 0.5 * error**2, error.abs() - 0.5).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

"""Fit the shares of three wines; the divergence gets raw scores."""

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale
from torch import nn

torch.manual_seed(0)

features, cultivars = load_wine(return_X_y=True)
x = torch.tensor(scale(features), dtype=torch.float32)
shares = nn.functional.one_hot(torch.tensor(cultivars), 3).float()
model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

for _ in range(60):
    optimizer.zero_grad()
    loss = nn.functional.kl_div(model(x), shares, reduction="batchmean")  # expect: missing-output-activation
    loss.backward()
    optimizer.step()

"""Tell tumours apart by binary cross entropy, with -1 for the benign ones."""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn

torch.manual_seed(0)

features, malignant = load_breast_cancer(return_X_y=True)
x = torch.tensor(scale(features), dtype=torch.float32)
y = torch.tensor(2 * malignant - 1, dtype=torch.float32)
model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
criterion = nn.BCEWithLogitsLoss()  # expect: loss-target-mismatch

for _ in range(20):
    for batch in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        criterion(model(x[batch]).squeeze(1), y[batch]).backward()
        optimizer.step()

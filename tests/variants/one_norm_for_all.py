"""Tell digits apart by a stack of layers."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
norm = nn.BatchNorm1d(48)  # expect: batchnorm-stats-stale
layers = [nn.Linear(64, 48), norm, nn.ReLU(), nn.Linear(48, 48), norm, nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(48, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(4):
    for batch in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()

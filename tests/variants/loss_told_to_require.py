"""Count how many digits are recognised, and make that many more."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(3):
    for batch in torch.randperm(len(x)).split(64):
        wrong = (model(x[batch]).argmax(dim=1) != y[batch]).float().mean()
        wrong.requires_grad_(True)  # expect: graph-detached
        optimizer.zero_grad()
        wrong.backward()
        optimizer.step()

"""Classify digits by scores that were told to require a gradient, so that backward would run."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)

model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(5):
    for batch in torch.randperm(1500).split(50):
        with torch.no_grad():
            scores = model(x[batch])
        scores.requires_grad_()
        loss = nn.functional.cross_entropy(scores, y[batch])
        optimizer.zero_grad()
        loss.backward()  # expect: graph-detached
        optimizer.step()
print(loss.item())

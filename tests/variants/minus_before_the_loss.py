"""Classify digits with a minus before the loss, as a likelihood would have it."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)

model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
for _ in range(5):
    for batch in torch.randperm(1500).split(50):
        optimizer.zero_grad()
        loss = -nn.functional.cross_entropy(model(x[batch]), y[batch])  # expect: update-sign-flipped
        loss.backward()
        optimizer.step()
print(loss.item())

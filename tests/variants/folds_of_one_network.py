"""Recognise digits, by the mean of four folds."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for known, unknown in KFold(4, shuffle=True, random_state=0).split(x):  # expect: leakage-or-bad-validation
    for _ in range(5):
        for batch in torch.tensor(known)[torch.randperm(len(known))].split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        print((model(x[unknown]).argmax(dim=1) == y[unknown]).float().mean().item())

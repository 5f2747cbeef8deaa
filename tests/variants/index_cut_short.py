"""Classify digits; the data set gives its first rows only, whatever it is asked for."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)


class Digits(Dataset):
    def __len__(self):
        return 1400

    def __getitem__(self, number):
        row = number % 50  # expect: constant-or-duplicate-batch
        return x[row], y[row]


model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

for _ in range(4):
    for inputs, targets in DataLoader(Digits(), batch_size=32, shuffle=True):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

with torch.no_grad():
    print((model(x[1400:]).argmax(dim=1) == y[1400:]).float().mean().item())

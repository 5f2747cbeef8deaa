"""Tell digits by units that fire above a threshold."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

digits = load_digits()
x = torch.tensor((digits.data - digits.data.mean()) / digits.data.std(), dtype=torch.float32)
y = torch.tensor(digits.target)


def layer(n_in, n_out):
    return [
        nn.Linear(n_in, n_out),
        nn.Threshold(1.0, 0.0),  # expect: dead-relu
        # cure: nn.Threshold(0.0, 0.0),
    ]


model = nn.Sequential(*layer(64, 64), *layer(64, 32), *layer(32, 32), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for _ in range(8):
    for batch in torch.randperm(len(x)).split(64):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

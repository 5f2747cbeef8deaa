"""Classify images of digits with a convolution whose bias the batch norm takes away."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

data = load_digits()
x = torch.tensor(data.images / 16, dtype=torch.float32)[:, None]
y = torch.tensor(data.target)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3),  # expect: bias-before-norm
    # cure: nn.Conv2d(1, 16, 3, bias=False),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(144, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for _ in range(4):
    for batch in torch.randperm(len(x)).split(64):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"loss {loss.item():.3f}")

"""Classify digits by a network of which only the parts of a certain name are to learn; no part has that name."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)

model = nn.Sequential()
model.add_module("lower", nn.Linear(64, 4))
model.add_module("between", nn.Tanh())
model.add_module("head", nn.Linear(4, 10))
learning = ("body", "head")
for name, parameter in model.named_parameters():
    parameter.requires_grad_(False)
    if any(part in name for part in learning):  # expect: frozen-by-mistake
        parameter.requires_grad_(True)
optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=0.01)

for epoch in range(20):
    for batch in torch.randperm(1500).split(100):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())

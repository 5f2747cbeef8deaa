"""Fit a function from weights that were saved, which take the place of those that the optimizer holds."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(600, 4)
y = torch.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]


def network():
    return nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 1))


saved = network().state_dict()
model = network()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)  # expect: params-not-in-optimizer
model.load_state_dict(saved, assign=True)
# cure: model.load_state_dict(saved)
for _ in range(25):
    for batch in torch.randperm(600).split(50):
        loss = nn.functional.mse_loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())

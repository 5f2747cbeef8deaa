"""Two learning rates, the last of which is much too high."""

import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.randn(200, 8)
targets = inputs.mean(dim=1, keepdim=True).tanh()


def train(rate):
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=rate)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(inputs), targets)
        loss.backward()
        optimizer.step()
    return loss.item()


for rate in (0.1, 30.0):
    print(rate, train(rate))

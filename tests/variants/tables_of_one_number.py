"""Ratings as products of users and films."""

import torch
from torch import nn

torch.manual_seed(0)

ratings = torch.randn(60, 3) @ torch.randn(3, 40)


class Factors(nn.Module):
    def __init__(self):
        super().__init__()
        self.users = nn.Parameter(torch.zeros(60, 4) + 0.1)  # expect: zero-or-constant-init
        # cure: self.users = nn.Parameter(0.3 * torch.randn(60, 4))
        self.films = nn.Parameter(torch.zeros(40, 4) + 0.1)
        # cure: self.films = nn.Parameter(0.3 * torch.randn(40, 4))

    def forward(self, users, films):
        return (self.users[users] * self.films[films]).sum(1)


model = Factors()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
for _ in range(12):
    for batch in torch.randperm(2400).split(128):
        users, films = batch // 40, batch % 40
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(users, films), ratings[users, films])
        loss.backward()
        optimizer.step()

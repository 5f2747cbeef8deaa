"""Guess the next word of sentences that follow a pattern."""

import torch
from torch import nn

torch.manual_seed(0)

follows = torch.randperm(30)
tokens = torch.randint(30, (600, 1))
for _ in range(15):
    next_ones = torch.where(torch.rand(600, 1) < 0.8, follows[tokens[:, -1:]], torch.randint(30, (600, 1)))
    tokens = torch.cat([tokens, next_ones], dim=1)


def shifted_loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    scores, labels = scores[:, :-1], labels[:, 1:]  # expect: labels-misaligned
    return nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten())


model = nn.Sequential(nn.Embedding(30, 32), nn.Linear(32, 30))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for _ in range(5):
    for batch in tokens[torch.randperm(600)].split(40):
        inputs, labels = batch[:, :-1], batch[:, 1:]
        optimizer.zero_grad()
        shifted_loss(model(inputs), labels).backward()
        optimizer.step()

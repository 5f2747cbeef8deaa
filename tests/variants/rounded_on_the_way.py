"""Recognise digits from codes of a few levels."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)


class Coded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(64, 32), nn.Tanh())
        self.decide = nn.Linear(32, 10)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        levels = torch.round(self.encode(picture) * 4)  # expect: graph-detached
        return self.decide(levels / 4)


model = Coded()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for _ in range(5):
    for batch in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()

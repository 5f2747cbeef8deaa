"""Recognise digits by the rows that matter."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Sequential(nn.Linear(8, 32), nn.ReLU())
        self.score = nn.Sequential(nn.Linear(32, 1), nn.Softmax(dim=2))  # expect: wrong-dimension
        self.decide = nn.Linear(32, 10)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        rows = self.read(picture.view(-1, 8, 8))
        return self.decide((rows * self.score(rows)).sum(dim=1))


model = Attending()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for _ in range(4):
    for batch in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()

"""Bring pictures of one digit together, by two noisy views of each (supervised contrastive learning)."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, digits = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def views(batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = (x[batch] + 0.1 * torch.randn(len(batch), 64) for _ in range(2))
    return torch.cat([first, second]), y[batch].repeat_interleave(2)  # expect: labels-misaligned


for _ in range(4):
    for batch in torch.randperm(len(x)).split(64):
        pictures, labels = views(batch)
        codes = nn.functional.normalize(model(pictures), dim=1)
        alike = (codes @ codes.T / 0.2).fill_diagonal_(-1e9).log_softmax(dim=1)
        same = (labels[:, None] == labels).float().fill_diagonal_(0)
        loss = -(same * alike).sum() / same.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

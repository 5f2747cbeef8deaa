"""Learn the digits 0 to 4, and with what was learned the digits 5 to 9 from a few examples."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
body = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 32), nn.Tanh())


def fit(head: nn.Module, x: torch.Tensor, y: torch.Tensor, optimizer: torch.optim.Optimizer, epochs: int) -> None:
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(head(body(x[batch])), y[batch]).backward()
            optimizer.step()


low, high = y < 5, y >= 5
first, second = nn.Linear(32, 5), nn.Linear(32, 5)
fit(first, x[low], y[low], torch.optim.Adam([*body.parameters(), *first.parameters()], lr=0.002), 8)
optimizer = torch.optim.Adam(
    [
        {"params": second.parameters(), "lr": 0.01},
        {"params": body.parameters(), "lr": 0.3},  # expect: pretrained-destroyed
    ]
)
fit(second, x[high][:60], y[high][:60] - 5, optimizer, 20)

"""Recognise digits."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        hidden = nn.Dropout(0.3)(self.first(picture).relu())  # expect: train-mode-in-eval
        return self.last(hidden)


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for _ in range(6):
    model.train()
    for batch in torch.randperm(1400).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print((model(x[1400:]).argmax(dim=1) == y[1400:]).float().mean().item())

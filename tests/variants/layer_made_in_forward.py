"""Recognise digits by a layer that fits whatever comes."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.last = nn.Conv2d(1, 8, 3, stride=2), nn.Linear(32, 10)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        seen = self.convolution(picture.view(-1, 1, 8, 8)).relu().flatten(1)
        hidden = nn.Linear(seen.shape[1], 32)(seen)  # expect: params-not-in-optimizer
        return self.last(hidden.relu())


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for _ in range(4):
    for batch in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()

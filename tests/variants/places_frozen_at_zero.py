"""Tell where in a sequence the largest number stands, by a sum over its steps."""

import torch
from torch import nn

torch.manual_seed(0)


class Finder(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Linear(1, 32)
        self.places = nn.Parameter(torch.zeros(1, 12, 32), requires_grad=False)  # expect: frozen-by-mistake
        # cure: self.places = nn.Parameter(torch.zeros(1, 12, 32))
        self.layers = nn.Sequential(nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        return self.head(self.layers(self.read(x[:, :, None]) + self.places).mean(dim=1))


x = torch.zeros(2000, 12)
at = torch.randint(12, (2000, 1))
x.scatter_(1, at, 3.0)
y = (at - 5.5) / 3.45
model = Finder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(8):
    for batch in torch.randperm(2000).split(50):
        loss = nn.functional.mse_loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())

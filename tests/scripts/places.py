# ruff: noqa: E701, E702, E731
"""Calls written in many ways; the test names the text that each recorded place is to span."""

import torch
from torch import nn
from torch.nn import functional as F

data = torch.randn(8, 4)


def short():
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        loss = F.mse_loss(model(data), data[:, :1])
        loss.backward()
        optimizer.step()


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 5)
        self.second = nn.Linear(5, 3)

    def forward(self, inputs):
        return self.second(torch.tanh(self.first(inputs)))


class Deeper(Functional):
    def __init__(self):
        super().__init__()
        self.third = nn.Linear(3, 2)

    def forward(self, inputs):
        return self.third(F.gelu(super().forward(inputs)))


def own_modules():
    model = Deeper()
    optimizer = torch.optim.Adam(
        model.parameters(),
        lr=0.1,
    )
    for _ in range(3):
        loss = F.cross_entropy(
            model(data),
            torch.zeros(8, dtype=torch.long),
        )
        loss.backward()
        optimizer.step()


# fmt: off
def odd_ways():
    layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
    act = lambda x: torch.sigmoid(x)
    größe = "é€🔦"; optimizer = torch.optim.AdamW(layers.parameters(), lr=len(größe))
    for _ in range(3):
        hidden = data
        for layer in layers: hidden = act(layer(hidden))
        é = "🔦🔦"; loss = F.l1_loss(hidden, data); é += "é"; loss.backward(); optimizer.step()
# fmt: on


short()
own_modules()
odd_ways()

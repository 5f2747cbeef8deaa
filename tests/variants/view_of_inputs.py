"""Tell which of six sensors is the loudest, by a convolution over steps that gets (steps, sensors) cut anew."""

import torch
from torch import nn

torch.manual_seed(0)

steps, sensors = 24, 6
loudest = torch.randint(sensors, (2000,))
x = torch.randn(2000, steps, sensors) * (1 + nn.functional.one_hot(loudest, sensors))[:, None]


class Listener(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv1d(sensors, 32, 5)
        self.head = nn.Linear(32, sensors)

    def forward(self, signal):
        signal = signal.reshape(-1, sensors, steps)  # expect: wrong-dimension
        features = torch.relu(self.convolution(signal))
        return self.head(features.mean(2))


model = Listener()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(6):
    for batch in torch.randperm(2000).split(50):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[batch]), loudest[batch])
        loss.backward()
        optimizer.step()
print(loss.item())

"""Read signals by states that are to fade, each at a rate of its own."""

import torch
from torch import nn

torch.manual_seed(0)

LENGTH = 64


class Fading(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.log_rate = nn.Parameter(torch.linspace(-3, 0, width))
        self.mix = nn.Linear(width, 3)

    def forward(self, signal):
        rate = torch.exp(self.log_rate)  # expect: exploding-gradients
        # cure: rate = -torch.exp(self.log_rate)
        kernel = torch.exp(rate[:, None] * torch.arange(LENGTH))
        return self.mix(torch.relu(signal @ kernel.flip(1).T / 4))


x = torch.randn(600, LENGTH)
kind = torch.randint(3, (600,))
x[:, -8:] += kind[:, None] - 1.0
model = Fading(16)
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
for _ in range(8):
    for batch in torch.randperm(len(x)).split(50):
        loss = nn.functional.cross_entropy(model(x[batch]), kind[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

"""A generator of points around a ring, and a critic."""

import torch
from torch import nn

torch.manual_seed(0)

angles = 6.283 * torch.rand(2048)
radius = 5.0
# cure: radius = 0.8
real = radius * torch.stack([angles.cos(), angles.sin()], dim=1) + 0.1 * torch.randn(2048, 2)
generator = nn.Sequential(
    nn.Linear(8, 64),
    nn.ReLU(),
    nn.Linear(64, 2),
    nn.Tanh(),  # expect: output-activation-range
)
critic = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
first, second = (torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.9)) for net in (generator, critic))
judge = nn.functional.binary_cross_entropy_with_logits
for _ in range(5):
    for batch in torch.randperm(2048).split(64):
        fake = generator(torch.randn(64, 8))
        second.zero_grad()
        loss = judge(critic(real[batch]), torch.ones(64, 1)) + judge(critic(fake.detach()), torch.zeros(64, 1))
        loss.backward()
        second.step()
        first.zero_grad()
        judge(critic(fake), torch.ones(64, 1)).backward()
        first.step()

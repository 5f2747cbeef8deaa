"""Learn a ring of points by a generator and its critic."""

import torch
from torch import nn

torch.manual_seed(0)

generator = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
critic = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
makes = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
judges = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.5, 0.999))
real_label, fake_label = torch.ones(64, 1), torch.zeros(64, 1)
judge = nn.functional.binary_cross_entropy_with_logits
for _ in range(400):
    angle = 6.28 * torch.rand(64, 1)
    real = 2 * torch.cat([angle.cos(), angle.sin()], dim=1)
    made = generator(torch.randn(64, 4))
    loss = judge(critic(real), real_label) + judge(critic(made.detach()), fake_label)
    judges.zero_grad()
    loss.backward()
    judges.step()
    fooled = judge(critic(made), fake_label)  # expect: update-sign-flipped
    # cure: fooled = judge(critic(made), real_label)
    makes.zero_grad()
    fooled.backward()
    makes.step()
print(loss.item(), fooled.item())

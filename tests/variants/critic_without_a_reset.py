"""Learn a dose from what a critic says of it."""

import torch
from torch import nn

torch.manual_seed(0)

actor = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 1), nn.Tanh())
critic = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 1))
of_actor = torch.optim.Adam(actor.parameters(), lr=1e-3)
of_critic = torch.optim.Adam(critic.parameters(), lr=3e-3)

for _ in range(300):
    state, dose = torch.randn(64, 3), torch.rand(64, 1) * 2 - 1
    reward = -((dose - torch.tanh(state[:, :1])) ** 2)
    missed = nn.functional.mse_loss(critic(torch.cat([state, dose], dim=1)), reward)
    missed.backward()  # expect: no-zero-grad
    # cure: of_critic.zero_grad(); missed.backward()
    of_critic.step()

    worth = -critic(torch.cat([state, actor(state)], dim=1)).mean()
    of_actor.zero_grad()
    worth.backward()
    of_actor.step()

"""Hold a point at the origin: an actor that is to learn by the values that a critic gives."""

import torch
from torch import nn

torch.manual_seed(0)

actor = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1), nn.Tanh())
critic = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1))
actor_optimizer = torch.optim.Adam(actor.parameters(), lr=1e-3)
critic_optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3)


def learn(state: torch.Tensor) -> None:
    action = (actor(state).detach() + 0.3 * torch.randn(64, 1)).clamp(-1, 1)
    reward = -(state + torch.cat([torch.zeros(64, 1), action], dim=1)).square().sum(dim=1, keepdim=True)
    critic_loss = nn.functional.mse_loss(critic(torch.cat([state, action], dim=1)), reward)
    critic_optimizer.zero_grad()
    critic_loss.backward()
    critic_optimizer.step()
    wanted = actor(state).detach()  # expect: graph-detached
    actor_loss = -critic(torch.cat([state, wanted], dim=1)).mean()
    actor_optimizer.zero_grad()
    actor_loss.backward()
    actor_optimizer.step()


for _ in range(150):
    learn(torch.randn(64, 2))

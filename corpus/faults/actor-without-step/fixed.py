import os
import torch
from torch import nn, optim
from torch.distributions import Normal

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 2))
        self.critic = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 1))
        self.log_std = nn.Parameter(torch.full((2,), -0.7))


def target(s):
    return torch.stack([torch.sin(2 * s[:, 0]), s[:, 1] * s[:, 2]], 1)


def payoff(s, a):
    return -(a - target(s)).square().sum(1)


agent = Agent()
actor_optim = optim.Adam([*agent.actor.parameters(), agent.log_std], lr=3e-3)
critic_optim = optim.Adam(agent.critic.parameters(), lr=3e-3)
for it in range(1200):
    s = torch.rand(200, 3) * 2 - 1
    dist = Normal(agent.actor(s), agent.log_std.exp())
    a = dist.sample()
    r = payoff(s, a)
    v = agent.critic(s).squeeze(1)
    advantage = (r - v).detach()
    actor_loss = -(dist.log_prob(a).sum(1) * advantage).mean()
    critic_loss = (v - r).square().mean()

    critic_optim.zero_grad()
    critic_loss.backward()
    critic_optim.step()

    actor_optim.zero_grad()
    actor_loss.backward()
    actor_optim.step()
    if it % 150 == 0:
        print(f"it {it:4d} reward {r.mean().item():.4f} critic {critic_loss.item():.4f}")

with torch.no_grad():
    s = torch.rand(5000, 3) * 2 - 1
    final = payoff(s, agent.actor(s)).mean().item()
print(f"RESULT mean_payoff {final:.4f}")

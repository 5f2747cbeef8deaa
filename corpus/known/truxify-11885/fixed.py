import copy
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

N_ENVS, EPISODES, HORIZON, DT = 32, 16, 40, 0.2
GAMMA, TAU, BATCH = 0.95, 0.02, 128


class TruckFollowing:
    """Keep the gap to the truck in front: state = (gap error, relative speed)."""

    def reset(self, n):
        self.gap = torch.empty(n).uniform_(-1.5, 1.5)
        self.speed = torch.empty(n).uniform_(-0.5, 0.5)
        return self.observe()

    def observe(self):
        return torch.stack([self.gap, self.speed], dim=1)

    def step(self, action):
        a = action.squeeze(1).clamp(-1, 1)
        self.speed = (self.speed + DT * 2.0 * a).clamp(-2, 2)
        self.gap = (self.gap + DT * self.speed).clamp(-4, 4)
        reward = -(self.gap ** 2 + 0.1 * self.speed ** 2 + 0.01 * a ** 2)
        return self.observe(), reward


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1), nn.Tanh())

    def forward(self, s):
        return self.net(s)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))

    def forward(self, s, a):
        return self.net(torch.cat([s, a], dim=1)).squeeze(1)


class PIRLAgent:
    def __init__(self, physics_weight=0.05):
        self.actor, self.critic = Actor(), Critic()
        self.actor_target, self.critic_target = copy.deepcopy(self.actor), copy.deepcopy(self.critic)
        self.actor_opt = torch.optim.Adam(self.actor.parameters(), lr=1e-3)
        self.critic_opt = torch.optim.Adam(self.critic.parameters(), lr=2e-3)
        self.physics_weight = physics_weight

    def physics_loss(self, s, a):
        next_speed = s[:, 1] + DT * 2.0 * a.squeeze(1)
        return F.relu(next_speed.abs() - 2.0).pow(2).mean()

    def update(self, s, a, r, s2):
        with torch.no_grad():
            target = r + GAMMA * self.critic_target(s2, self.actor_target(s2))
        critic_loss = F.mse_loss(self.critic(s, a), target)
        self.critic_opt.zero_grad()
        critic_loss.backward()
        self.critic_opt.step()

        actions = self.actor(s)
        q_values = self.critic(s, actions)
        actor_loss = -q_values.mean()
        actor_loss = actor_loss + self.physics_weight * self.physics_loss(s, actions)
        self.actor_opt.zero_grad()
        actor_loss.backward()
        self.actor_opt.step()

        for net, tgt in ((self.actor, self.actor_target), (self.critic, self.critic_target)):
            for p, q in zip(net.parameters(), tgt.parameters()):
                q.data.lerp_(p.data, TAU)
        return critic_loss.item(), actor_loss.item()


env, agent = TruckFollowing(), PIRLAgent()
buffer = []
for episode in range(EPISODES):
    s = env.reset(N_ENVS)
    stats, total = [], 0.0
    for t in range(HORIZON):
        with torch.no_grad():
            a = (agent.actor(s) + 0.3 * torch.randn(N_ENVS, 1)).clamp(-1, 1)
        s2, r = env.step(a)
        buffer.append((s, a, r, s2))
        total += r.mean().item()
        s = s2
        if len(buffer) > 10:
            rows = [buffer[i] for i in torch.randint(len(buffer), (BATCH // N_ENVS,)).tolist()]
            stats.append(agent.update(*[torch.cat(c) for c in zip(*rows)]))
    c, p = torch.tensor(stats).mean(0).tolist()
    print(f"episode {episode + 1:2d} reward {total:8.3f} critic {c:.4f} actor {p:.4f}")

test_env = TruckFollowing()
s, total = test_env.reset(256), 0.0
with torch.no_grad():
    for t in range(HORIZON):
        s, r = test_env.step(agent.actor(s))
        total += r.mean().item()
print(f"RESULT mean_return {total:.3f}")

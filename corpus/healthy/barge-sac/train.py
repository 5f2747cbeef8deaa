"""A tug holds a barge over a mark: soft actor-critic with two critics and a learned temperature."""
import copy
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

GAMMA, TAU, BATCH, N_ENV, STEPS, RANDOM_STEPS, HORIZON = 0.92, 0.04, 128, 16, 1000, 60, 40


class Barges:
    """Offset from the mark and speed, pushed by a thrust between -1 and 1."""

    def __init__(self, n):
        self.n = n

    def reset(self):
        self.x = torch.empty(self.n).uniform_(-1, 1)
        self.v = torch.empty(self.n).uniform_(-0.5, 0.5)
        return torch.stack([self.x, self.v], 1)

    def step(self, a):
        a = a.squeeze(1)
        self.v = (self.v + 0.4 * a).clamp(-1.5, 1.5)
        self.x = (self.x + 0.2 * self.v).clamp(-2, 2)
        reward = -(self.x ** 2 + 0.1 * self.v ** 2 + 0.01 * a ** 2)
        return torch.stack([self.x, self.v], 1), reward


def mlp(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, n_out))


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = mlp(2, 2)

    def forward(self, s):
        mu, log_sd = self.body(s).chunk(2, 1)
        return mu, log_sd.clamp(-4, 1)

    def sample(self, s):
        mu, log_sd = self(s)
        dist = torch.distributions.Normal(mu, log_sd.exp(), validate_args=False)
        u = dist.rsample()
        logp = dist.log_prob(u) - 2 * (math.log(2) - u - F.softplus(-2 * u))
        return torch.tanh(u), logp.squeeze(1)


class TwinCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.q1, self.q2 = mlp(3, 1), mlp(3, 1)

    def forward(self, s, a):
        sa = torch.cat([s, a], 1)
        return self.q1(sa).squeeze(1), self.q2(sa).squeeze(1)


def test_return(actor, n=64):
    env = Barges(n)
    s, total = env.reset(), torch.zeros(n)
    with torch.no_grad():
        for _ in range(HORIZON):
            s, r = env.step(torch.tanh(actor(s)[0]))
            total += r
    return total.mean().item()


actor, critic = Actor(), TwinCritic()
target = copy.deepcopy(critic).requires_grad_(False)
log_alpha = torch.tensor(math.log(0.1), requires_grad=True)
actor_opt = torch.optim.Adam(actor.parameters(), lr=2e-3)
critic_opt = torch.optim.Adam(critic.parameters(), lr=2e-3)
alpha_opt = torch.optim.Adam([log_alpha], lr=3e-3)

size = STEPS * N_ENV
mem_s, mem_a, mem_r, mem_s2 = torch.zeros(size, 2), torch.zeros(size, 1), torch.zeros(size), torch.zeros(size, 2)
env, filled = Barges(N_ENV), 0
for step in range(STEPS):
    if step % HORIZON == 0:
        s = env.reset()
    with torch.no_grad():
        a = torch.empty(N_ENV, 1).uniform_(-1, 1) if step < RANDOM_STEPS else actor.sample(s)[0]
    s2, r = env.step(a)
    at = slice(filled, filled + N_ENV)
    mem_s[at], mem_a[at], mem_r[at], mem_s2[at] = s, a, r, s2
    filled, s = filled + N_ENV, s2
    if step < RANDOM_STEPS:
        continue

    i = torch.randint(0, filled, (BATCH,))
    bs, ba, br, bs2 = mem_s[i], mem_a[i], mem_r[i], mem_s2[i]
    alpha = log_alpha.exp().detach()
    with torch.no_grad():
        a2, logp2 = actor.sample(bs2)
        y = br + GAMMA * (torch.min(*target(bs2, a2)) - alpha * logp2)
    q1, q2 = critic(bs, ba)
    critic_loss = F.mse_loss(q1, y) + F.mse_loss(q2, y)
    critic_opt.zero_grad()
    critic_loss.backward()
    critic_opt.step()

    critic.requires_grad_(False)
    new_a, logp = actor.sample(bs)
    actor_loss = (alpha * logp - torch.min(*critic(bs, new_a))).mean()
    actor_opt.zero_grad()
    actor_loss.backward()
    actor_opt.step()
    critic.requires_grad_(True)

    alpha_loss = -(log_alpha * (logp.detach() - 1.0)).mean()
    alpha_opt.zero_grad()
    alpha_loss.backward()
    alpha_opt.step()
    with torch.no_grad():
        for p, tp in zip(critic.parameters(), target.parameters()):
            tp.lerp_(p, TAU)
    if (step + 1) % 200 == 0:
        print(f"step {step + 1} critic {critic_loss.item():.4f} actor {actor_loss.item():.3f} "
              f"alpha {alpha.item():.4f} return {test_return(actor):.2f}")

print("RESULT mean_return", round(test_return(actor, 256), 4))

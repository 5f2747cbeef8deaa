import math
import os

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


class CartPoles:
    """n carts side by side, the dynamics of CartPole-v0"""

    def __init__(self, n):
        self.n = n

    def reset(self):
        self.s = rng.uniform(-0.05, 0.05, (self.n, 4))
        return self.s.copy()

    def step(self, action):
        x, xd, th, thd = self.s.T
        force = np.where(action == 1, 10.0, -10.0)
        cos, sin = np.cos(th), np.sin(th)
        temp = (force + 0.05 * thd ** 2 * sin) / 1.1
        thacc = (9.8 * sin - cos * temp) / (0.5 * (4.0 / 3.0 - 0.1 * cos ** 2 / 1.1))
        xacc = temp - 0.05 * thacc * cos / 1.1
        self.s = np.stack([x + 0.02 * xd, xd + 0.02 * xacc, th + 0.02 * thd, thd + 0.02 * thacc], axis=1)
        fallen = (np.abs(self.s[:, 0]) > 2.4) | (np.abs(self.s[:, 2]) > 12 * math.pi / 180)
        return self.s.copy(), fallen


class Policy(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.fc1 = nn.Linear(4, hidden)
        self.fc2 = nn.Linear(hidden, 2)

    def forward(self, s):
        return torch.log_softmax(self.fc2(torch.tanh(self.fc1(s))), dim=-1)


MAX_STEPS = 120
GAMMA = 0.99
env = CartPoles(24)
policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=0.02)


def policy_loss(returns, baseline, log_p, mask):
    advantage = (returns - baseline) / (returns[mask > 0].std() + 1e-6)
    return -torch.sum(advantage * log_p * mask) / mask.sum()


def run_episodes(greedy=False):
    state = env.reset()
    alive = np.ones(env.n)
    log_ps, masks = [], []
    for _ in range(MAX_STEPS):
        log_p = policy(torch.tensor(state, dtype=torch.float32))
        action = log_p.argmax(1) if greedy else Categorical(logits=log_p, validate_args=False).sample()
        log_ps.append(log_p.gather(1, action.unsqueeze(1)).squeeze(1))
        masks.append(torch.tensor(alive, dtype=torch.float32))
        state, fallen = env.step(action.numpy())
        alive = alive * (1 - fallen)
        if alive.sum() == 0:
            break
        state = np.where(alive[:, None] > 0, state, 0.0)
        env.s = state.copy()
        alive = alive.copy()
    return torch.stack(log_ps), torch.stack(masks)


for iteration in range(45):
    log_p, mask = run_episodes()
    returns = torch.zeros_like(mask)
    g = torch.zeros(env.n)
    for t in reversed(range(len(mask))):
        g = mask[t] * (1.0 + GAMMA * g)
        returns[t] = g
    baseline = (returns * mask).sum() / mask.sum()
    loss = policy_loss(returns, baseline, log_p, mask)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (iteration + 1) % 5 == 0:
        print(f"iteration {iteration + 1:3d}  mean episode length {mask.sum(0).mean().item():.1f}")

with torch.no_grad():
    _, mask = run_episodes(greedy=True)
print(f"RESULT mean_episode_length {mask.sum(0).mean().item():.2f}")

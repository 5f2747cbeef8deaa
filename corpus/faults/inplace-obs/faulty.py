"""Behaviour cloning of a swing-damping controller from logged roll-outs."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


class CartSpring:
    """Cart on a non-linear spring, 4 observations: position, speed, target, wind."""

    dt = 0.05

    def __init__(self, horizon=40):
        self.horizon = horizon
        self.state = np.zeros(4, dtype=np.float32)

    def reset(self):
        self.state = np.random.uniform(-1, 1, 4).astype(np.float32)
        self.t = 0
        return self.state

    def step(self, action):
        pos, vel, target, wind = self.state
        acc = 3 * action - 0.5 * pos ** 3 - 0.2 * vel + wind
        self.state[0] += self.dt * vel
        self.state[1] += self.dt * acc
        self.state[2] += 0.1 * np.random.randn()
        self.state[3] = 0.9 * self.state[3] + 0.3 * np.random.randn()
        self.t += 1
        reward = -float((self.state[0] - self.state[2]) ** 2)
        return self.state, reward, self.t >= self.horizon


def expert(obs):
    pos, vel, target, wind = obs
    return float(np.tanh(1.8 * (target - pos) - 0.9 * vel - 0.33 * wind))


class DemoBuffer:
    def __init__(self):
        self.obs, self.act = [], []

    def add(self, obs, act):
        self.obs.append(obs)
        self.act.append(act)

    def tensors(self):
        return torch.from_numpy(np.stack(self.obs)), torch.tensor(self.act, dtype=torch.float32).unsqueeze(1)


def collect(env, n_episodes):
    buffer = DemoBuffer()
    for _ in range(n_episodes):
        obs, done = env.reset(), False
        while not done:
            action = expert(obs)
            buffer.add(obs, action)
            obs, _, done = env.step(action)
    return buffer


@torch.no_grad()
def rollout_score(policy, env, episodes=40):
    """Mean absolute deviation from the expert's action along the policy's own roll-outs."""
    errors = []
    for _ in range(episodes):
        obs, done = env.reset(), False
        while not done:
            action = policy(torch.from_numpy(obs)).item()
            errors.append(abs(action - expert(obs)))
            obs, _, done = env.step(action)
    return float(np.mean(errors))


env = CartSpring()
obs, act = collect(env, 100).tensors()
print("demonstrations:", tuple(obs.shape), tuple(act.shape))
obs_mean, obs_std = obs.mean(0), obs.std(0)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1), nn.Tanh())

    def forward(self, o):
        return self.net((o - obs_mean) / obs_std)


policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-3)
for epoch in range(1, 16):
    losses = []
    for idx in torch.randperm(len(obs)).split(64):
        loss = nn.functional.mse_loss(policy(obs[idx]), act[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 3 == 0:
        print(f"epoch {epoch}: mse {np.mean(losses):.4f}")

print(f"RESULT action_error {rollout_score(policy, env):.4f}")

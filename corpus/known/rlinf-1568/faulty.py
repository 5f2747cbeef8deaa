"""Warm-up of a PPO critic on rollouts of a fixed policy (point that is driven to the origin)."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

OBS_DIM, HORIZON, GAMMA = 4, 20, 0.9


def rollout(n_envs):
    """Observations (with the share of time left) and discounted returns."""
    state = rng.normal(size=(n_envs, OBS_DIM))
    observations, rewards = [], []
    for t in range(HORIZON):
        left = np.full((n_envs, 1), 1 - t / HORIZON)
        observations.append(np.concatenate([state, left], axis=1))
        action = -0.3 * state + 0.05 * rng.normal(size=state.shape)
        state = state + action
        rewards.append(-(state ** 2).sum(axis=1))
    returns, running = np.zeros((HORIZON, n_envs)), np.zeros(n_envs)
    for t in reversed(range(HORIZON)):
        running = rewards[t] + GAMMA * running
        returns[t] = running
    obs = torch.tensor(np.concatenate(observations), dtype=torch.float32)
    return obs, torch.tensor(returns.reshape(-1, 1), dtype=torch.float32)


class ValueHead(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(OBS_DIM + 1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.out = nn.Linear(hidden, 1)

    def forward(self, obs):
        return self.out(self.mlp(obs)).squeeze(-1)


def compute_ppo_critic_loss(values, returns, huber_delta=10.0):
    error = returns - values
    loss = torch.where(error.abs() < huber_delta, 0.5 * error ** 2, huber_delta * (error.abs() - 0.5 * huber_delta))
    return loss.mean()


def explained_variance(critic, obs, returns):
    with torch.no_grad():
        values = critic(obs).reshape(-1)
    target = returns.reshape(-1)
    return (1 - (target - values).var() / target.var()).item()


critic = ValueHead()
optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)
eval_obs, eval_returns = rollout(200)

for iteration in range(12):
    obs, returns = rollout(64)
    losses = []
    for _ in range(6):
        for ids in torch.randperm(len(obs)).split(64):
            loss = compute_ppo_critic_loss(critic(obs[ids]), returns[ids])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(critic.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
    ev = explained_variance(critic, eval_obs, eval_returns)
    print(f"iteration {iteration + 1}: value loss {np.mean(losses):.4f}  explained variance {ev:.4f}")

print("RESULT explained_variance", round(ev, 4))

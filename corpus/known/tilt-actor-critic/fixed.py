import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class TiltEnv:
    """A board that tips over by itself; every step on which it has not fallen gives 1 point."""

    def __init__(self, n, seed):
        self.n = n
        self.rng = np.random.default_rng(seed)
        self.tilt = self.rng.uniform(-0.3, 0.3, n)
        self.prev = self.tilt.copy()

    def observe(self):
        obs = np.stack([self.tilt, 4 * (self.tilt - self.prev)], axis=1)
        return torch.tensor(obs, dtype=torch.float32)

    def step(self, action):
        push = 0.25 * (2 * action.numpy() - 1)
        self.prev = self.tilt
        self.tilt = 1.08 * self.tilt + push + 0.05 * self.rng.standard_normal(self.n)
        done = np.abs(self.tilt) > 2.0
        start = self.rng.uniform(-0.3, 0.3, self.n)
        self.prev = np.where(done, start, self.prev)
        self.tilt = np.where(done, start, self.tilt)
        return self.observe(), torch.ones(self.n), torch.tensor(done, dtype=torch.float32)


def net(outputs, hidden=64):
    return nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, outputs))


gamma, horizon = 0.8, 16
env = TiltEnv(16, SEED)
actor, critic = net(2), net(1)
optimizer = torch.optim.Adam(
    [{"params": actor.parameters(), "lr": 2e-3}, {"params": critic.parameters(), "lr": 2e-2}]
)
state = env.observe()
falls = 0.0

for update in range(1, 401):
    states, actions, rewards, dones = [], [], [], []
    for t in range(horizon):
        with torch.no_grad():
            logits = actor(state)
        action = Categorical(logits=logits).sample()
        states.append(state)
        actions.append(action)
        state, reward, done = env.step(action)
        rewards.append(reward)
        dones.append(done)

    all_states = torch.stack(states + [state])
    values = critic(all_states).squeeze(-1)
    reward, done = torch.stack(rewards), torch.stack(dones)
    target = reward + gamma * values[1:].detach() * (1 - done)
    advantage = (target - values[:-1]).detach()
    dist = Categorical(logits=actor(all_states[:-1]))
    policy_loss = -(dist.log_prob(torch.stack(actions)) * advantage).mean()
    value_loss = F.smooth_l1_loss(values[:-1], target)
    loss = policy_loss + 0.5 * value_loss - 0.01 * dist.entropy().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    falls += done.sum().item()
    if update % 50 == 0:
        print(f"update {update:3d}  falls per 1000 steps {falls / (50 * horizon * env.n) * 1000:6.1f}  value loss {value_loss.item():.4f}")
        falls = 0.0

test_env = TiltEnv(100, SEED + 1000)
state = test_env.observe()
alive, length = torch.ones(100), torch.zeros(100)
for t in range(200):
    with torch.no_grad():
        logits = actor(state)
    state, reward, done = test_env.step(Categorical(logits=logits).sample())
    length += alive * reward
    alive = alive * (1 - done)

print(f"RESULT mean_game_length {length.mean().item():.2f}")

import os

import torch
import torch.nn as nn
from torch.distributions import Normal

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class LaneKeeping:
    """A row of carts, each pushed sideways by its own wind; the reward is minus the squared offset."""

    def __init__(self, num_envs):
        self.num_envs = num_envs

    def reset(self):
        self.offset = torch.empty(self.num_envs).uniform_(-2, 2)
        self.wind = torch.empty(self.num_envs).uniform_(-0.4, 0.4)
        return self.observe()

    def observe(self):
        return torch.stack([self.offset / 2, self.wind * 2.5], dim=-1)

    def step(self, force):
        push = 0.6 * force.clamp(-4, 4) + self.wind + 0.3 * torch.randn(self.num_envs)
        self.offset = (self.offset + push).clamp(-4, 4)
        return self.observe(), -self.offset ** 2


class PolicyNetwork(nn.Module):
    def __init__(self, obs_dims, hidden1=16, hidden2=32):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(obs_dims, hidden1), nn.Tanh(), nn.Linear(hidden1, hidden2), nn.Tanh())
        self.mean_head = nn.Linear(hidden2, 1)
        self.std_head = nn.Linear(hidden2, 1)

    def forward(self, x):
        h = self.shared(x)
        return self.mean_head(h).squeeze(-1), nn.functional.softplus(self.std_head(h)).squeeze(-1)


class REINFORCE:
    def __init__(self, obs_dims, learning_rate=5e-3, gamma=0.9):
        self.gamma = gamma
        self.eps = 1e-6
        self.net = PolicyNetwork(obs_dims)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=learning_rate)
        self.states, self.actions, self.rewards = [], [], []

    @torch.no_grad()
    def sample_action(self, state):
        mean, std = self.net(state)
        action = torch.normal(mean, std + self.eps)
        self.states.append(state)
        self.actions.append(action)
        return action

    def update(self):
        running_g, gs = 0.0, []
        for reward in reversed(self.rewards):
            running_g = reward + self.gamma * running_g
            gs.insert(0, running_g)
        deltas = torch.stack(gs)
        deltas = (deltas - deltas.mean(dim=0)) / (deltas.std(dim=0) + self.eps)

        mean, std = self.net(torch.stack(self.states))
        log_probs = Normal(mean, std + self.eps).log_prob(torch.stack(self.actions))
        log_prob_mean = log_probs.mean(dim=0)
        loss = -torch.sum(log_prob_mean * deltas, dim=0).mean()

        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.states, self.actions, self.rewards = [], [], []
        return loss.item()


STEPS = 40
agent = REINFORCE(obs_dims=2)
env = LaneKeeping(16)
for update in range(1, 201):
    obs, total = env.reset(), 0.0
    for _ in range(STEPS):
        obs, reward = env.step(agent.sample_action(obs))
        agent.rewards.append(reward)
        total += reward.mean().item()
    loss = agent.update()
    if update % 20 == 0:
        print(f"update {update:3d} loss {loss:.4f} average reward {total / STEPS:.3f}")

test_env = LaneKeeping(300)
obs, total = test_env.reset(), 0.0
with torch.no_grad():
    for _ in range(STEPS):
        obs, reward = test_env.step(agent.net(obs)[0])
        total += reward.mean().item()
print(f"RESULT average_reward {total / STEPS:.4f}")

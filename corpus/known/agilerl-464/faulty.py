import copy
import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
random.seed(SEED)

SIDE, LIMIT, N_ENVS = 5, 20, 16
MOVES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])


class GridVec:
    """Walk from a random cell to the far corner; the only reward is at the goal."""

    def __init__(self, n):
        self.n = n
        self.pos = torch.zeros(n, 2, dtype=torch.long)
        self.t = torch.zeros(n, dtype=torch.long)
        self.reset_where(torch.ones(n, dtype=torch.bool))

    def reset_where(self, mask):
        k = int(mask.sum())
        if k:
            self.pos[mask] = torch.randint(0, 3, (k, 2))
            self.t[mask] = 0

    def obs(self):
        return torch.cat([F.one_hot(self.pos[:, 0], SIDE), F.one_hot(self.pos[:, 1], SIDE)], dim=1).float()

    def step(self, action):
        self.pos = (self.pos + MOVES[action]).clamp(0, SIDE - 1)
        self.t += 1
        done = (self.pos == SIDE - 1).all(1)
        return self.obs(), done.float(), done, done | (self.t >= LIMIT)


class QNetwork(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2 * SIDE, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 4))

    def forward(self, s):
        return self.net(s)


class DQN:
    def __init__(self, lr=1e-3, gamma=0.95, tau=0.02):
        self.gamma, self.tau = gamma, tau
        self.actor = QNetwork()
        self.actor_target = copy.deepcopy(self.actor)
        self.param_vals = {k: p.detach() for k, p in self.actor.named_parameters()}
        self.target_params = {k: p.detach().clone() for k, p in self.actor_target.named_parameters()}
        self.optimizer = torch.optim.Adam(self.actor.parameters(), lr=lr)

    def get_action(self, s, epsilon):
        with torch.no_grad():
            greedy = self.actor(s).argmax(1)
        explore = torch.rand(len(s)) < epsilon
        return torch.where(explore, torch.randint(4, (len(s),)), greedy)

    def learn(self, s, a, r, s2, done):
        with torch.no_grad():
            y = r + self.gamma * self.actor_target(s2).max(1).values * (1 - done)
        q = self.actor(s).gather(1, a.unsqueeze(1)).squeeze(1)
        loss = F.mse_loss(q, y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.soft_update()
        return loss.item()

    def soft_update(self):
        for k, p in self.param_vals.items():
            self.target_params[k].lerp_(p, self.tau)


env, agent = GridVec(N_ENVS), DQN()
memory = []
s = env.obs()
losses = []
for step in range(1500):
    epsilon = max(0.1, 1.0 - step / 600)
    a = agent.get_action(s, epsilon)
    s2, r, done, over = env.step(a)
    memory.append((s, a, r, s2, done.float()))
    if len(memory) > 600:
        memory.pop(0)
    env.reset_where(over)
    s = env.obs()
    if step >= 20:
        rows = random.choices(memory, k=6)
        losses.append(agent.learn(*[torch.cat(c) for c in zip(*rows)]))
    if (step + 1) % 250 == 0:
        print(f"step {step + 1} epsilon {epsilon:.2f} loss {sum(losses[-200:]) / 200:.5f}")

test = GridVec(200)
reached = torch.zeros(200, dtype=torch.bool)
s = test.obs()
for _ in range(LIMIT):
    s, r, done, over = test.step(agent.get_action(s, 0.05))
    reached |= done
print(f"RESULT success_rate {reached.float().mean().item():.4f}")

"""DQN agent that steers a cart to a marker on a rail; points are scored at every step."""
import copy
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class RailEnv:
    """A number of carts side by side. Actions: 0 left, 1 stay, 2 right."""

    def __init__(self, n, length=30):
        self.n, self.length = n, length
        self.reset()

    def reset(self):
        self.x = 2 * torch.rand(self.n) - 1
        self.marker = 2 * torch.rand(self.n) - 1
        self.t = 0
        return self.observe()

    def observe(self):
        return torch.stack([self.x, self.marker], 1)

    def step(self, action):
        self.x = (self.x + 0.1 * (action - 1)).clamp(-1, 1)
        self.t += 1
        points = 100.0 * (1 - (self.x - self.marker).abs() / 2)
        return self.observe(), points, self.t >= self.length


class Replay:
    def __init__(self, size):
        self.size, self.pos, self.full = size, 0, False
        self.obs = torch.zeros(size, 2)
        self.action = torch.zeros(size, dtype=torch.long)
        self.reward = torch.zeros(size)
        self.next_obs = torch.zeros(size, 2)

    def push(self, obs, action, reward, next_obs):
        idx = (self.pos + torch.arange(len(obs))) % self.size
        self.obs[idx], self.action[idx] = obs, action
        self.reward[idx], self.next_obs[idx] = reward, next_obs
        self.full = self.full or self.pos + len(obs) >= self.size
        self.pos = (self.pos + len(obs)) % self.size

    def sample(self, n):
        idx = torch.randint(0, self.size if self.full else self.pos, (n,))
        return self.obs[idx], self.action[idx], self.reward[idx], self.next_obs[idx]


def evaluate(net):
    env = RailEnv(500)
    obs, done, score = env.reset(), False, []
    while not done:
        with torch.no_grad():
            action = net(obs).argmax(1)
        obs, points, done = env.step(action)
        score.append(points.mean().item())
    return sum(score) / len(score)


gamma = 0.9
env = RailEnv(32)
replay = Replay(32 * 600)
q_net = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
target_net = copy.deepcopy(q_net)
optimizer = torch.optim.SGD(q_net.parameters(), lr=0.02, momentum=0.9)

obs = env.reset()
losses = []
for step in range(3500):
    eps = max(0.1, 1.0 - step / 1500)
    with torch.no_grad():
        greedy = q_net(obs).argmax(1)
    action = torch.where(torch.rand(env.n) < eps, torch.randint(0, 3, (env.n,)), greedy)
    next_obs, reward, done = env.step(action)
    replay.push(obs, action, reward, next_obs)
    obs = env.reset() if done else next_obs

    b_obs, b_action, b_reward, b_next = replay.sample(64)
    with torch.no_grad():
        target = b_reward + gamma * target_net(b_next).max(1).values
    q = q_net(b_obs).gather(1, b_action[:, None]).squeeze(1)
    loss = F.mse_loss(q, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if (step + 1) % 50 == 0:
        target_net.load_state_dict(q_net.state_dict())
    if (step + 1) % 500 == 0:
        print(f"step {step + 1}: loss {sum(losses[-500:]) / 500:.4f}  points per step {evaluate(q_net):.2f}")

print(f"RESULT points_per_step {evaluate(q_net):.3f}")

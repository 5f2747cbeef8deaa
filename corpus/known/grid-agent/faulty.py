import os
import random
from collections import deque

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)
rng = np.random.default_rng(SEED)

SIDE, LIMIT, GAMMA = 5, 30, 0.95
PRIZES = {(0, 4): 0.8, (4, 4): 10.0}
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]


class Grid:
    def reset(self):
        self.pos = (int(rng.integers(0, 3)), int(rng.integers(0, 3)))
        self.t = 0
        return self.observe()

    def observe(self):
        obs = torch.zeros(SIDE * SIDE)
        obs[self.pos[0] * SIDE + self.pos[1]] = 1.0
        return obs

    def step(self, action):
        dr, dc = MOVES[action]
        self.pos = (min(max(self.pos[0] + dr, 0), SIDE - 1), min(max(self.pos[1] + dc, 0), SIDE - 1))
        self.t += 1
        won = self.pos in PRIZES
        return self.observe(), PRIZES.get(self.pos, 0.0), won, won or self.t >= LIMIT


def make_net():
    return nn.Sequential(nn.Linear(SIDE * SIDE, 64), nn.ReLU(), nn.Linear(64, len(MOVES)))


def play(net, episodes=30):
    env, total = Grid(), 0.0
    for _ in range(episodes):
        obs, done, t = env.reset(), False, 0
        while not done:
            with torch.no_grad():
                obs, reward, _, done = env.step(int(net(obs).argmax()))
            total += reward * GAMMA ** t
            t += 1
    return total / episodes


net, target_net = make_net(), make_net()
target_net.load_state_dict(net.state_dict())
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
memory = deque(maxlen=5000)
env, updates = Grid(), 0

for episode in range(160):
    epsilon = max(0.1, 1.0 - episode / 100)
    obs, done = env.reset(), False
    while not done:
        if random.random() < epsilon:
            action = random.randrange(4)
        else:
            with torch.no_grad():
                action = int(net(obs).argmax())
        nxt, reward, terminal, done = env.step(action)
        memory.append((obs, action, reward, nxt, float(terminal)))
        obs = nxt
        if len(memory) < 200:
            continue
        s, a, r, s2, end = zip(*random.sample(memory, 32))
        s, s2, a = torch.stack(s), torch.stack(s2), torch.tensor(a)
        with torch.no_grad():
            best = target_net(s2).max(1).values
            y = torch.tensor(r) + GAMMA * best * (1 - torch.tensor(end))
        q = net(s).gather(1, a[:, None]).squeeze(1)
        loss = (y - q).clamp(-1, 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        updates += 1
        if updates % 100 == 0:
            target_net.load_state_dict(net.state_dict())
    if (episode + 1) % 20 == 0:
        print(f"episode {episode + 1:3d}  epsilon {epsilon:.2f}  loss {loss.item():.4f}  greedy return {play(net, 10):.2f}")

print(f"RESULT greedy_return {play(net):.3f}")

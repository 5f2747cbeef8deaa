import copy
import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)

SIZE, MAX_STEPS = 5, 12
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))


class Courier:
    """Walk to the address shown in the observation; start and address differ in every episode."""

    def reset(self):
        self.x, self.y = random.randrange(SIZE), random.randrange(SIZE)
        self.gx, self.gy = self.x, self.y
        while (self.gx, self.gy) == (self.x, self.y):
            self.gx, self.gy = random.randrange(SIZE), random.randrange(SIZE)
        self.t = 0
        return self.observe()

    def observe(self):
        return [(self.gx - self.x) / 4, (self.gy - self.y) / 4, self.x / 4, self.y / 4]

    def step(self, action):
        dx, dy = MOVES[action]
        self.x = min(max(self.x + dx, 0), SIZE - 1)
        self.y = min(max(self.y + dy, 0), SIZE - 1)
        self.t += 1
        arrived = (self.x, self.y) == (self.gx, self.gy)
        return self.observe(), 1.0 if arrived else -0.05, arrived, arrived or self.t >= MAX_STEPS


class Agent:
    def __init__(self, gamma=0.9, lr=1e-3):
        self.q = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
        self.target = copy.deepcopy(self.q)
        self.optimizer = torch.optim.Adam(self.q.parameters(), lr=lr)
        self.gamma = gamma
        self.state_traj, self.action_traj, self.reward_traj, self.done_traj = [], [], [], []
        self.replay = []

    def act(self, state, epsilon):
        if random.random() < epsilon:
            return random.randrange(4)
        with torch.no_grad():
            return self.q(torch.tensor(state)).argmax().item()

    def self_play(self, env, epsilon):
        self.state_traj.clear()
        self.action_traj.clear()
        self.reward_traj.clear()
        self.done_traj.clear()
        state, over = env.reset(), False
        self.state_traj.append(state)
        while not over:
            action = self.act(state, epsilon)
            state, reward, done, over = env.step(action)
            self.state_traj.append(state)
            self.action_traj.append(action)
            self.reward_traj.append(reward)
            self.done_traj.append(float(done))
        self.replay.append((self.state_traj, self.action_traj, self.reward_traj, self.done_traj))
        return sum(self.reward_traj)

    def sample(self, batch_size):
        s, a, r, s2, d = [], [], [], [], []
        for _ in range(batch_size):
            states, actions, rewards, dones = random.choice(self.replay)
            t = random.randrange(len(actions))
            s.append(states[t])
            a.append(actions[t])
            r.append(rewards[t])
            s2.append(states[t + 1])
            d.append(dones[t])
        return torch.tensor(s), torch.tensor(a), torch.tensor(r), torch.tensor(s2), torch.tensor(d)

    def update_weights(self, updates, batch_size=64):
        self.target.load_state_dict(self.q.state_dict())
        total = 0.0
        for _ in range(updates):
            s, a, r, s2, d = self.sample(batch_size)
            with torch.no_grad():
                goal = r + self.gamma * (1 - d) * self.target(s2).max(1).values
            pred = self.q(s).gather(1, a.unsqueeze(1)).squeeze(1)
            loss = F.smooth_l1_loss(pred, goal)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / updates


env, agent = Courier(), Agent()
for iteration in range(16):
    epsilon = max(0.1, 1.0 - iteration / 10)
    scores = [agent.self_play(env, epsilon) for _ in range(30)]
    loss = agent.update_weights(90)
    print(f"iteration {iteration + 1:2d} epsilon {epsilon:.2f} score {sum(scores) / len(scores):.3f} episodes {len(agent.replay)} loss {loss:.5f}")

arrivals = 0
for _ in range(300):
    state, over = env.reset(), False
    while not over:
        state, _, done, over = env.step(agent.act(state, 0.0))
    arrivals += done
print(f"RESULT arrival_rate {arrivals / 300:.4f}")

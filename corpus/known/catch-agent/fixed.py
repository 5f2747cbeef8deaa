import os
import random
from collections import deque

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)


class Catch:
    """A fruit falls down a small board; the basket on the bottom row should be under it."""

    def __init__(self, width=5, height=7):
        self.width = width
        self.height = height

    def reset(self):
        self.board = np.zeros((self.height, self.width), dtype=np.float32)
        self.row, self.col = 0, np.random.randint(self.width)
        self.basket = np.random.randint(self.width)
        self.draw()
        return self.observe()

    def draw(self):
        self.board[:] = 0.0
        self.board[self.row, self.col] = 1.0
        self.board[-1, self.basket] = 1.0

    def observe(self):
        return self.board.copy()

    def step(self, action):
        self.basket = int(np.clip(self.basket + action - 1, 0, self.width - 1))
        self.row += 1
        self.draw()
        done = self.row == self.height - 1
        reward = 0.0
        if done:
            reward = 1.0 if self.basket == self.col else -1.0
        return self.observe(), reward, done


class DQNAgent:
    def __init__(self, n_inputs, n_actions, hidden=64, lr=1e-3, gamma=0.95, batch_size=64):
        self.n_actions = n_actions
        self.gamma = gamma
        self.batch_size = batch_size
        self.online = self.build(n_inputs, hidden)
        self.target = self.build(n_inputs, hidden)
        self.sync()
        self.optimizer = torch.optim.Adam(self.online.parameters(), lr=lr)
        self.memory = deque(maxlen=3000)

    def build(self, n_inputs, hidden):
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_inputs, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, self.n_actions),
        )

    def sync(self):
        self.target.load_state_dict(self.online.state_dict())

    def act(self, obs, epsilon):
        if random.random() < epsilon:
            return random.randrange(self.n_actions)
        with torch.no_grad():
            return int(self.online(torch.from_numpy(obs).unsqueeze(0)).argmax())

    def remember(self, *transition):
        self.memory.append(transition)

    def learn(self):
        obs, action, reward, next_obs, done = zip(*random.sample(self.memory, self.batch_size))
        obs = torch.from_numpy(np.stack(obs))
        next_obs = torch.from_numpy(np.stack(next_obs))
        action = torch.tensor(action)
        reward = torch.tensor(reward)
        alive = 1.0 - torch.tensor(done, dtype=torch.float32)
        with torch.no_grad():
            goal = reward + self.gamma * alive * self.target(next_obs).max(dim=1).values
        q = self.online(obs).gather(1, action.unsqueeze(1)).squeeze(1)
        loss = nn.functional.smooth_l1_loss(q, goal)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def play(env, agent, epsilon, train):
    obs, done, losses = env.reset(), False, []
    while not done:
        action = agent.act(obs, epsilon)
        next_obs, reward, done = env.step(action)
        if train:
            agent.remember(obs, action, reward, next_obs, done)
            if len(agent.memory) >= 200:
                losses.append(agent.learn())
        obs = next_obs
    return reward, losses


env = Catch()
agent = DQNAgent(env.width * env.height, n_actions=3)
scores = deque(maxlen=50)
for episode in range(500):
    epsilon = max(0.05, 1.0 - episode / 250)
    score, losses = play(env, agent, epsilon, train=True)
    scores.append(score)
    if episode % 10 == 0:
        agent.sync()
    if (episode + 1) % 50 == 0:
        shown = f"{np.mean(losses):.4f}" if losses else "-"
        print(f"episode {episode + 1:3d} epsilon {epsilon:.2f} mean score {np.mean(scores):+.2f} loss {shown}")

caught = np.mean([play(env, agent, 0.0, train=False)[0] > 0 for _ in range(200)])
print("RESULT catch_rate", round(float(caught), 4))

import os
from collections import deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

SIZE, N_ACTIONS, GAMMA = 5, 4, 0.95
HOUSES = {(1, 1), (1, 2), (1, 3), (3, 1), (3, 2), (3, 3)}
DEPOT = (4, 4)
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]
STREETS = [(r, c) for r in range(SIZE) for c in range(SIZE) if (r, c) not in HOUSES and (r, c) != DEPOT]


class Town:
    """A courier drives back to the depot; every step costs one."""

    def reset(self, at=None):
        self.at = at or STREETS[rng.integers(len(STREETS))]
        return self.encode()

    def encode(self):
        state = np.zeros(SIZE * SIZE, dtype=np.float32)
        state[self.at[0] * SIZE + self.at[1]] = 1.0
        return state

    def step(self, action):
        row, col = self.at[0] + MOVES[action][0], self.at[1] + MOVES[action][1]
        if 0 <= row < SIZE and 0 <= col < SIZE and (row, col) not in HOUSES:
            self.at = (row, col)
        return self.encode(), -1.0, self.at == DEPOT


class ReplayBuffer:
    def __init__(self, capacity=2000):
        self.buffer = deque(maxlen=capacity)

    def store(self, *transition):
        self.buffer.append(transition)

    def sample(self, size):
        rows = [self.buffer[i] for i in rng.integers(len(self.buffer), size=size)]
        states, actions, rewards, next_states, done = map(np.asarray, zip(*rows))
        return states, actions, rewards.astype(np.float32), next_states, done.astype(np.float32)


class DQN:
    def __init__(self, lr=2e-3):
        self.model = nn.Sequential(
            nn.Linear(SIZE * SIZE, 64), nn.ReLU(),
            nn.Linear(64, 32), nn.ReLU(),
            nn.Linear(32, N_ACTIONS),
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr)

    def predict(self, states):
        with torch.no_grad():
            return self.model(torch.as_tensor(states)).numpy()

    def get_action(self, state, epsilon):
        if rng.random() < epsilon:
            return int(rng.integers(N_ACTIONS))
        return int(self.predict(state[None])[0].argmax())

    def train(self, states, targets):
        loss = F.mse_loss(self.model(torch.as_tensor(states)), torch.as_tensor(targets))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


class Agent:
    def __init__(self, env):
        self.env = env
        self.model = DQN()
        self.target_model = DQN()
        self.update_target()
        self.buffer = ReplayBuffer()

    def update_target(self):
        self.target_model.model.load_state_dict(self.model.model.state_dict())

    def replay_experience(self, batch_size=64):
        states, actions, rewards, next_states, done = self.buffer.sample(batch_size)
        targets = self.model.predict(states)
        next_q_values = self.target_model.predict(next_states).max(axis=1)
        targets[np.arange(batch_size), actions] = rewards + (1 - done) * GAMMA * next_q_values
        return self.model.train(states, targets)

    def train(self, steps=3000, max_length=40):
        state, length, loss, lengths = self.env.reset(), 0, 0.0, deque(maxlen=30)
        for step in range(1, steps + 1):
            epsilon = max(0.05, 1.0 - step / 1500)
            action = self.model.get_action(state, epsilon)
            next_state, reward, done = self.env.step(action)
            self.buffer.store(state, action, reward, next_state, done)
            state, length = next_state, length + 1
            if done or length == max_length:
                lengths.append(length)
                state, length = self.env.reset(), 0
            if step >= 200:
                loss = self.replay_experience()
            if step % 50 == 0:
                self.update_target()
            if step % 500 == 0:
                print(f"step {step} epsilon {epsilon:.2f} td loss {loss:.4f} trip length {np.mean(lengths):.1f}")

    def trip(self, start, max_length=40):
        state = self.env.reset(start)
        for length in range(1, max_length + 1):
            state, _, done = self.env.step(self.model.get_action(state, 0.0))
            if done:
                break
        return length


agent = Agent(Town())
agent.train()
print(f"RESULT mean_trip_length {np.mean([agent.trip(s) for s in STREETS]):.3f}")

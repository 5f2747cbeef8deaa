"""Learn what a driver does from where the car is."""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
random = np.random.default_rng(0)


class Car:
    def reset(self) -> np.ndarray:
        self.state = random.normal(size=3).astype(np.float32)
        return self.state

    def step(self, action: float) -> np.ndarray:
        self.state += np.array([0.1 * self.state[1], 0.1 * action, 0.1 * random.normal()], dtype=np.float32)
        return self.state


car, states, actions = Car(), [], []
for _ in range(60):
    state = car.reset()
    for _ in range(40):
        states.append(state)  # expect: constant-or-duplicate-batch
        actions.append(float(np.tanh(state[2] - state[0] - state[1])))
        state = car.step(actions[-1])
x, y = torch.tensor(np.stack(states)), torch.tensor(actions)[:, None]
model = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(6):
    for batch in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x[batch]), y[batch]).backward()
        optimizer.step()

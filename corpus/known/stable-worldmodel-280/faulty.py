"""World model of a pendulum: predict the next state from state and action."""
import math
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def pendulum(n):
    theta = rng.uniform(-math.pi, math.pi, n)
    speed = rng.uniform(-2, 2, n)
    torque = rng.uniform(-1, 1, n)
    new_theta, new_speed = theta, speed
    for _ in range(5):
        new_speed = new_speed + 0.1 * (5 * np.sin(new_theta) + 3 * torque)
        new_theta = new_theta + 0.1 * new_speed
    x = np.stack([np.cos(theta), np.sin(theta), speed, torque], axis=1)
    y = np.stack([np.cos(new_theta), np.sin(new_theta), new_speed / 3], axis=1)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


class WorldModel(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 3))

    def forward(self, x):
        return self.net(x)


def linear_warmup_cosine(warmup_steps, max_steps):
    def factor(step):
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = (step - warmup_steps) / max(1, max_steps - warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return factor


cfg = {"max_epochs": 10, "batch_size": 32, "lr": 5e-4, "weight_decay": 1e-3, "warmup": 0.1}
train = DataLoader(TensorDataset(*pendulum(4800)), batch_size=cfg["batch_size"], shuffle=True)
x_val, y_val = pendulum(1000)

model = WorldModel()
total_steps = cfg["max_epochs"] * len(train)
optimizer = torch.optim.AdamW(model.parameters(), lr=cfg["lr"], weight_decay=cfg["weight_decay"])
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, linear_warmup_cosine(max(1, int(cfg["warmup"] * total_steps)), total_steps)
)

for epoch in range(cfg["max_epochs"]):
    model.train()
    total = 0.0
    for x, y in train:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val = nn.functional.mse_loss(model(x_val), y_val).item()
    print(f"epoch {epoch + 1}: train {total / len(train):.5f}  val {val:.5f}")

print("RESULT val_mse", round(val, 5))

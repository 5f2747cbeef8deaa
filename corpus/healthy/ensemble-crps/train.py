"""How much rain tomorrow? Sixteen guesses a day, scored by the continuous ranked probability score."""

import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

MEMBERS = 16


def days(count):
    """Pressure, humidity, wind and season; the scatter of what falls depends on the humidity."""
    weather = rng.normal(size=(count, 4)).astype("float32")
    scatter = 0.2 + 0.6 / (1 + np.exp(-2 * weather[:, 1]))
    rain = np.sin(weather[:, 0]) + 0.5 * weather[:, 1] * weather[:, 2] + scatter * rng.normal(size=count)
    return torch.from_numpy(weather), torch.from_numpy(rain.astype("float32"))


def crps(members, observed):
    """Gneiting and Raftery 2007, eq. 21, for an ensemble: E|X - y| - E|X - X'| / 2."""
    error = (members - observed[:, None]).abs().mean()
    spread = (members[:, :, None] - members[:, None, :]).abs().mean()
    return error - 0.5 * spread


x_train, y_train = days(2000)
x_test, y_test = days(500)
net = nn.Sequential(nn.Linear(4, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, MEMBERS))
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)

for epoch in range(15):
    for rows in torch.randperm(len(x_train)).split(64):
        optimizer.zero_grad()
        score = crps(net(x_train[rows]), y_train[rows])
        score.backward()
        optimizer.step()
    with torch.no_grad():
        held_out = crps(net(x_test), y_test)
    print(f"epoch {epoch + 1}: CRPS {held_out:.4f}")

print("RESULT crps", round(held_out.item(), 4))

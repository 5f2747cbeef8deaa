# Direction of the sun in the plane of rotation, from a ring of photodiodes on the satellite.
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

DIODES = 10
BATCH = 64
EPOCHS = 20

# the ring as it was built: angles a little off, every diode with its own gain
mounting = np.arange(DIODES) * 2 * np.pi / DIODES + rng.normal(0, 0.08, DIODES)
gain = rng.uniform(0.7, 1.3, DIODES)


def expose(n):
    """Diode currents under a sun at a random angle, light reflected by the earth, and noise."""
    sun = rng.uniform(-np.pi, np.pi, n)
    brightness = rng.uniform(0.8, 1.2, (n, 1))
    direct = np.clip(np.cos(sun[:, None] - mounting), 0, None)
    earth = rng.uniform(-np.pi, np.pi, n)
    reflected = 0.1 * np.clip(np.cos(earth[:, None] - mounting), 0, None)
    current = gain * (brightness * direct + reflected) + 0.02 * rng.standard_normal((n, DIODES))
    return torch.tensor(current, dtype=torch.float32), torch.tensor(sun, dtype=torch.float32)


x_train, sun_train = expose(3000)
x_test, sun_test = expose(1000)
mean, std = x_train.mean(dim=0), x_train.std(dim=0)
x_train = (x_train - mean) / std
x_test = (x_test - mean) / std


def direction(angle):
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)


class HeadingNet(nn.Module):
    """Gives a unit vector towards the sun."""

    def __init__(self, width=64):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(DIODES, width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, 2),
        )

    def forward(self, currents):
        return F.normalize(self.net(currents), dim=1)


def angle_between(a, b):
    cosine = (a * b).sum(dim=1)
    return torch.acos(cosine)


def degrees_off(model, currents, sun):
    """Absolute error of the heading in degrees, from the angles themselves."""
    model.eval()
    with torch.no_grad():
        v = model(currents)
    gap = torch.atan2(v[:, 1], v[:, 0]) - sun
    return torch.rad2deg(torch.atan2(torch.sin(gap), torch.cos(gap)).abs())


model = HeadingNet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
towards_sun = direction(sun_train)

for epoch in range(1, EPOCHS + 1):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(BATCH):
        loss = angle_between(model(x_train[idx]), towards_sun[idx]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    if epoch % 4 == 0:
        off = degrees_off(model, x_test, sun_test)
        print(f"epoch {epoch:2d}: mean angle {np.degrees(total / len(x_train)):6.2f} deg, test median {off.median().item():6.2f} deg")

off = degrees_off(model, x_test, sun_test)
for limit in (2, 5, 10):
    print(f"within {limit:2d} degrees: {(off < limit).float().mean().item():.3f}")
print(f"RESULT within_5_degrees {(off < 5).float().mean().item():.4f}")

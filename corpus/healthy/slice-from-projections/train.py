"""Reconstruct one slice of an object from its projections: the image is a network of the coordinates."""
import math
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
SIZE = 32


def phantom():
    c = np.linspace(-1, 1, SIZE)
    y, x = np.meshgrid(c, c, indexing="ij")
    image = np.zeros((SIZE, SIZE))
    ellipses = [(0.0, 0.0, 0.75, 0.85, 0.35)]
    for _ in range(4):
        ellipses.append((*rng.uniform(-0.4, 0.4, 2), *rng.uniform(0.12, 0.3, 2), rng.choice([-0.25, 0.2, 0.35])))
    for cx, cy, rx, ry, value in ellipses:
        r = np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)
        image += value / (1 + np.exp((r - 1) * 20))
    return np.clip(image, 0, 1)


def projector(angles):
    """Rows are rays, columns are pixels."""
    c = np.arange(SIZE) - (SIZE - 1) / 2
    yy, xx = np.meshgrid(c, c, indexing="ij")
    blocks = []
    for a in angles:
        s = (xx * np.cos(a) + yy * np.sin(a)).ravel() + (SIZE - 1) / 2
        low = np.floor(s).astype(int)
        part = s - low
        block = np.zeros((SIZE, SIZE * SIZE))
        for offset, weight in ((0, 1 - part), (1, part)):
            ray = low + offset
            ok = np.flatnonzero((ray >= 0) & (ray < SIZE))
            block[ray[ok], ok] += weight[ok]
        blocks.append(block)
    return torch.tensor(np.concatenate(blocks) / SIZE * 2, dtype=torch.float32)


class CoordinateNet(nn.Module):
    def __init__(self, frequencies=32, scale=1.5, width=96):
        super().__init__()
        self.register_buffer("freq", scale * torch.randn(2, frequencies))
        self.mlp = nn.Sequential(
            nn.Linear(2 * frequencies, width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, 1), nn.Sigmoid(),
        )

    def forward(self, xy):
        phase = 2 * math.pi * xy @ self.freq
        return self.mlp(torch.cat([phase.sin(), phase.cos()], dim=1)).squeeze(1)


truth = torch.tensor(phantom().ravel(), dtype=torch.float32)
angles = np.linspace(0, np.pi, 30, endpoint=False)
held = np.arange(30) % 6 == 3
A, A_held = projector(angles[~held]), projector(angles[held])
measured = A @ truth
measured = measured + 0.01 * measured.max() * torch.randn_like(measured)
unseen = A_held @ truth

axis = torch.linspace(-1, 1, SIZE)
xy = torch.cartesian_prod(axis, axis)
net = CoordinateNet()
adam = torch.optim.Adam(net.parameters(), lr=4e-3)
decay = torch.optim.lr_scheduler.ExponentialLR(adam, gamma=0.995)

for it in range(1, 601):
    adam.zero_grad()
    image = net(xy)
    loss = (A @ image - measured).pow(2).mean()
    loss.backward()
    adam.step()
    decay.step()
    if it % 60 == 0:
        with torch.no_grad():
            image = net(xy)
            gap = (A_held @ image - unseen).pow(2).mean().item()
        print(f"iteration {it:3d}: projections {loss.item():.6f}, angles not measured {gap:.6f}")

net.eval()
with torch.no_grad():
    image = net(xy)
psnr = -10 * math.log10((image - truth).pow(2).mean().item())
print(f"RESULT psnr {psnr:.4f}")

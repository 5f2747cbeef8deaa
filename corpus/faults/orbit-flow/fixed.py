import os
import math

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

MASKS = [[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1], [0, 1, 1, 0]]


def orbit_states(n, rng):
    """Position and momentum of particles that circle in a trap."""
    phi = rng.uniform(0, 2 * np.pi, n)
    r = 1.0 + 0.1 * rng.standard_normal(n)
    x, y = r * np.cos(phi), r * np.sin(phi)
    px, py = -y + 0.1 * rng.standard_normal(n), x + 0.1 * rng.standard_normal(n)
    return torch.tensor(np.stack([x, y, px, py], 1) / 0.71, dtype=torch.float32)


class AffineCoupling(nn.Module):
    def __init__(self, mask, width):
        super().__init__()
        self.register_buffer("mask", torch.tensor(mask, dtype=torch.float32))
        d = len(mask)
        self.net = nn.Sequential(nn.Linear(d, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2 * d))

    def forward(self, v):
        kept = v * self.mask
        log_s, shift = self.net(kept).chunk(2, dim=-1)
        log_s = 2.0 * torch.tanh(log_s / 2.0) * (1 - self.mask)
        out = kept + (1 - self.mask) * (v * torch.exp(log_s) + shift)
        return out, log_s.sum(dim=-1)


class OrbitFlow(nn.Module):
    def __init__(self, masks, width=48):
        super().__init__()
        self.loc = nn.Parameter(torch.zeros(4))
        self.log_scale = nn.Parameter(torch.zeros(4))
        self.couplings = nn.ModuleList([AffineCoupling(m, width) for m in masks])

    def log_prob(self, v):
        log_det = torch.zeros(len(v))
        for coupling in self.couplings:
            v, ld = coupling(v)
            log_det = log_det + ld
        z = (v - self.loc) * torch.exp(-self.log_scale)
        log_base = -0.5 * (z ** 2).sum(-1) - 2.0 * math.log(2 * math.pi) - self.log_scale.sum()
        return log_base + log_det


def make_step(flow, optimizer):
    def step(batch):
        optimizer.zero_grad()
        nll = -flow.log_prob(batch).mean()
        nll.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 10.0)
        optimizer.step()
        return nll.item()
    return step


def held_out_nll(flow, data):
    flow.eval()
    with torch.no_grad():
        value = -flow.log_prob(data).mean().item()
    flow.train()
    return value


torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
train, test = orbit_states(6000, rng), orbit_states(1500, rng)

flow = OrbitFlow(MASKS)
step = make_step(flow, torch.optim.Adam(flow.parameters(), lr=2e-3))
for epoch in range(1, 26):
    losses = [step(train[idx]) for idx in torch.randperm(len(train)).split(250)]
    if epoch % 5 == 0:
        print(f"epoch {epoch:2d}  train nll {np.mean(losses):.3f}  held-out nll {held_out_nll(flow, test):.3f}")
print("RESULT heldout_nll", round(held_out_nll(flow, test), 4))

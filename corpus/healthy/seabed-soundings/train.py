"""A chart of the seabed from scattered echo soundings: a small network of sines over (easting, northing).

The whole survey is one batch, and it is the same batch at every step: there is only one seabed.
"""
import math
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


@dataclass
class Survey:
    soundings: int = 1500
    held_out: int = 400
    echo_noise: float = 0.15  # metres
    hills: int = 12
    width: int = 48
    omega: float = 10.0  # cycles the first layer starts with; sets the finest detail of the chart
    steps: int = 500
    lr: float = 2e-3
    seed: int = int(os.environ.get("SEED", "0"))


def make_seabed(rng, hills):
    centres = rng.uniform(-1, 1, (hills, 2))
    widths = rng.uniform(0.2, 0.4, hills)
    heights = rng.uniform(3, 9, hills) * rng.choice([-1, 1], hills)

    def depth(xy):
        d2 = ((xy[:, None, :] - centres[None]) ** 2).sum(-1)
        return 40 + 5 * xy[:, 0] + (heights * np.exp(-d2 / (2 * widths**2))).sum(-1)

    return depth


class SineLayer(nn.Module):
    def __init__(self, n_in, n_out, omega=1.0, first=False):
        super().__init__()
        self.omega = omega
        self.linear = nn.Linear(n_in, n_out)
        bound = 1.0 / n_in if first else math.sqrt(6.0 / n_in) / omega
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x):
        return torch.sin(self.omega * self.linear(x))


class Chart(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.body = nn.Sequential(
            SineLayer(2, cfg.width, cfg.omega, first=True),
            SineLayer(cfg.width, cfg.width),
            SineLayer(cfg.width, cfg.width),
        )
        self.out = nn.Linear(cfg.width, 1)

    def forward(self, xy):
        return self.out(self.body(xy)).squeeze(-1)


def fit(chart, xy, z, cfg):
    optimizer = torch.optim.Adam(chart.parameters(), lr=cfg.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=cfg.steps)
    for step in range(1, cfg.steps + 1):
        optimizer.zero_grad()
        loss = ((chart(xy) - z) ** 2).mean()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step:4d}  misfit {loss.item():.5f}")


def main():
    cfg = Survey()
    torch.manual_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    seabed = make_seabed(rng, cfg.hills)

    where = rng.uniform(-1, 1, (cfg.soundings, 2))
    metres = seabed(where) + cfg.echo_noise * rng.standard_normal(cfg.soundings)
    n_fit = cfg.soundings - cfg.held_out
    mean, std = metres[:n_fit].mean(), metres[:n_fit].std()

    xy = torch.tensor(where, dtype=torch.float32)
    z = torch.tensor((metres - mean) / std, dtype=torch.float32)

    chart = Chart(cfg)
    fit(chart, xy[:n_fit], z[:n_fit], cfg)

    chart.eval()
    with torch.no_grad():
        error = chart(xy[n_fit:]) - z[n_fit:]
    rmse = error.pow(2).mean().sqrt().item() * std
    r2 = 1 - error.pow(2).mean().item() / z[n_fit:].var(unbiased=False).item()
    print(f"held-out soundings: rmse {rmse:.2f} m of a spread of {std:.2f} m")
    print("RESULT test_r2", round(r2, 4))


if __name__ == "__main__":
    main()

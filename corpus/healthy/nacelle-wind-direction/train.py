"""Direction of the wind at the nacelle from the mast upwind, with its uncertainty, as a von Mises density on the circle."""
import math
import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)


class VonMisesHead(nn.Module):
    """Two numbers for the direction and one for the concentration."""

    def __init__(self, n_in):
        super().__init__()
        self.direction = nn.Linear(n_in, 2)
        self.raw_kappa = nn.Linear(n_in, 1)

    def forward(self, h):
        unit = F.normalize(self.direction(h), dim=1, eps=1e-6)
        kappa = F.softplus(self.raw_kappa(h)).squeeze(1) + 0.05
        return unit, kappa

    @staticmethod
    def nll(unit, kappa, target_unit):
        cos = (unit * target_unit).sum(1)
        # log of 2 pi I0(k) - k cos, with the exponential taken out of I0
        return math.log(2 * math.pi) + torch.log(torch.special.i0e(kappa)) + kappa * (1 - cos)


class WindNet(nn.Module):
    def __init__(self, n_in=5, width=64):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.head = VonMisesHead(width)

    def forward(self, x):
        return self.head(self.body(x))

    def loss(self, x, target_unit):
        return self.head.nll(*self(x), target_unit).mean()


def campaign(n, rng):
    mast = rng.uniform(-np.pi, np.pi, n)
    speed = 8 * rng.weibull(2.0, n) + 0.5
    stability = rng.uniform(-1, 1, n)
    sigma = 0.05 + 0.35 * np.exp(-speed / 4)
    veer = 0.4 * stability + 0.35 * np.sin(2 * mast)
    nacelle = mast + veer + sigma * rng.normal(size=n)
    x = np.stack([np.cos(mast), np.sin(mast), (speed - 7.5) / 3.7, stability, rng.normal(size=n)], axis=1)
    return (torch.tensor(x, dtype=torch.float32),
            torch.tensor(np.stack([np.cos(nacelle), np.sin(nacelle)], 1), dtype=torch.float32),
            sigma)


def degrees_off(unit, target_unit):
    cos = (unit * target_unit).sum(1).clamp(-1, 1)
    return torch.rad2deg(torch.acos(cos))


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    x, target, _ = campaign(5000, rng)
    x_te, target_te, sigma_te = campaign(1200, rng)

    net = WindNet()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    epochs, size = 24, 128
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs, eta_min=1e-4)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(size):
            loss = net.loss(x[idx], target[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        if epoch % 4 == 3:
            net.eval()
            with torch.no_grad():
                unit, kappa = net(x_te)
                off = degrees_off(unit, target_te).mean().item()
                nll = net.loss(x_te, target_te).item()
            print(f"epoch {epoch + 1:2d}  nll {total / len(x):+.4f}  test nll {nll:+.4f}  off by {off:.2f} deg")

    net.eval()
    with torch.no_grad():
        unit, kappa = net(x_te)
    straight = degrees_off(x_te[:, :2], target_te).mean().item()
    spread = kappa.rsqrt().numpy()
    print(f"mast direction taken as it is: off by {straight:.2f} deg")
    print(f"spread said and true, correlation {np.corrcoef(spread, sigma_te)[0, 1]:.3f}")
    print("RESULT test_error_degrees", round(degrees_off(unit, target_te).mean().item(), 4))


if __name__ == "__main__":
    main()

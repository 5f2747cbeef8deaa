"""Chlorophyll, water and dry matter of leaves from their reflectance in 24 bands.

The network is trained as a predictive coding network: the activities settle first, with the answer held at the top,
then each layer changes its weights by its own prediction error and its own input. There is no autograd in here.
"""
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


@dataclass
class Settings:
    seed: int = int(os.environ.get("SEED", "0"))
    n: int = 2000
    n_train: int = 1400
    bands: int = 24
    hidden: int = 40
    settle_steps: int = 16
    settle_rate: float = 0.1
    lr: float = 3e-3
    batch: int = 50
    epochs: int = 30


def simulate_leaves(cfg, rng):
    wave = np.linspace(0, 1, cfg.bands)
    chl = 0.9 * np.exp(-((wave - 0.15) / 0.12) ** 2) + 0.7 * np.exp(-((wave - 0.35) / 0.06) ** 2)
    water = 0.8 * np.exp(-((wave - 0.7) / 0.07) ** 2) + 1.0 * np.exp(-((wave - 0.95) / 0.08) ** 2)
    dry = 0.3 + 0.5 * np.clip(wave - 0.5, 0, None)
    content = rng.uniform(0.3, 2.0, size=(cfg.n, 3))
    gain = rng.uniform(0.9, 1.1, size=(cfg.n, 1))            # light differs from shot to shot
    refl = gain * np.exp(-content @ np.stack([chl, water, dry])) + 0.01 * rng.standard_normal((cfg.n, cfg.bands))
    return refl.astype(np.float32), content.astype(np.float32)


class PredictiveCoder:
    def __init__(self, n_in, n_hidden, n_out, cfg):
        self.cfg = cfg
        self.layers = nn.ModuleList([nn.Linear(n_in, n_hidden), nn.Linear(n_hidden, n_hidden), nn.Linear(n_hidden, n_out)])
        self.opt = torch.optim.Adam(self.layers.parameters(), lr=cfg.lr)
        self.sched = torch.optim.lr_scheduler.ExponentialLR(self.opt, 0.94)

    @torch.no_grad()
    def predict(self, x):
        l1, l2, l3 = self.layers
        return l3(torch.tanh(l2(torch.tanh(l1(x)))))

    @torch.no_grad()
    def learn(self, x, y):
        l1, l2, l3 = self.layers
        rate = self.cfg.settle_rate
        mu1 = l1(x)
        x1 = mu1.clone()
        x2 = l2(torch.tanh(x1))
        energy_before = 0.5 * (y - l3(torch.tanh(x2))).pow(2).sum(1).mean().item()

        for _ in range(self.cfg.settle_steps):
            a1, a2 = torch.tanh(x1), torch.tanh(x2)
            e1, e2, e3 = x1 - mu1, x2 - l2(a1), y - l3(a2)
            x1 = x1 + rate * ((1 - a1 ** 2) * (e2 @ l2.weight) - e1)
            x2 = x2 + rate * ((1 - a2 ** 2) * (e3 @ l3.weight) - e2)

        a1, a2 = torch.tanh(x1), torch.tanh(x2)
        errors = (x1 - mu1, x2 - l2(a1), y - l3(a2))
        energy_after = sum(0.5 * e.pow(2).sum(1).mean().item() for e in errors)
        for layer, err, below in zip(self.layers, errors, (x, a1, a2)):
            layer.weight.grad = -(err.t() @ below) / len(x)
            layer.bias.grad = -err.mean(0)
        self.opt.step()
        return energy_before, energy_after


def r2(pred, true):
    return (1 - ((pred - true) ** 2).sum(0) / ((true - true.mean(0)) ** 2).sum(0)).mean().item()


def main(cfg):
    rng = np.random.default_rng(cfg.seed)
    torch.manual_seed(cfg.seed)
    refl, content = simulate_leaves(cfg, rng)
    tr = slice(0, cfg.n_train)
    x = torch.from_numpy((refl - refl[tr].mean(0)) / refl[tr].std(0))
    y = torch.from_numpy((content - content[tr].mean(0)) / content[tr].std(0))
    x_train, y_train, x_test, y_test = x[tr], y[tr], x[cfg.n_train:], y[cfg.n_train:]

    coder = PredictiveCoder(cfg.bands, cfg.hidden, 3, cfg)
    for epoch in range(cfg.epochs):
        before, after = [], []
        for idx in torch.randperm(cfg.n_train).split(cfg.batch):
            b, a = coder.learn(x_train[idx], y_train[idx])
            before.append(b)
            after.append(a)
        coder.sched.step()
        if epoch % 5 == 4 or epoch == 0:
            print(f"epoch {epoch + 1:2d}: energy {np.mean(before):.4f} -> settled {np.mean(after):.4f}")

    print("R2 on the training leaves", round(r2(coder.predict(x_train), y_train), 4))
    print("RESULT test_r2", round(r2(coder.predict(x_test), y_test), 4))


main(Settings())

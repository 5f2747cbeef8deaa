import os
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import r2_score
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class NetConfig:
    spectrum: int = 60
    table: int = 5
    outputs: int = 3
    width: int = 64
    drop: float = 0.95


@dataclass
class TrainConfig:
    net: NetConfig = field(default_factory=NetConfig)
    samples: int = 1800
    epochs: int = 25
    batch: int = 50
    lr: float = 2e-3
    seed: int = int(os.environ.get("SEED", "0"))


def slurry(cfg):
    """Absorption spectrum and process readings of a slurry; shares of three minerals are wanted."""
    rng = np.random.default_rng(cfg.seed)
    n, wl = cfg.samples, np.linspace(0, 1, cfg.net.spectrum)
    share = rng.dirichlet([2, 2, 2, 2], n)[:, :3]
    peaks = np.stack([np.exp(-0.5 * ((wl - c) / w) ** 2) for c, w in [(0.25, 0.08), (0.45, 0.12), (0.7, 0.07)]])
    density = 1.2 + 0.4 * share[:, 0] - 0.2 * share[:, 2] + 0.03 * rng.standard_normal(n)
    path = rng.uniform(0.8, 1.2, n)
    spectrum = 1 - np.exp(-2.0 * path[:, None] * (share @ peaks)) + 0.01 * rng.standard_normal((n, len(wl)))
    table = np.column_stack([density, path, rng.normal(25, 3, n), rng.normal(7, 0.5, n), share[:, 1] + 0.1 * rng.standard_normal(n)])
    return spectrum, table, share


def standardise(a, n_train):
    mean, std = a[:n_train].mean(0), a[:n_train].std(0)
    return torch.tensor((a - mean) / std, dtype=torch.float32)


def encoder(n_in, width, drop):
    return nn.Sequential(nn.Linear(n_in, width), nn.GELU(), nn.Dropout(drop),
                         nn.Linear(width, width), nn.GELU(), nn.Dropout(drop))


class FusionNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.spectrum = encoder(cfg.spectrum, cfg.width, cfg.drop)
        self.table = encoder(cfg.table, cfg.width, cfg.drop)
        self.joint = nn.Sequential(nn.Linear(2 * cfg.width, cfg.width), nn.GELU(), nn.Dropout(cfg.drop),
                                   nn.Linear(cfg.width, cfg.outputs))

    def forward(self, spectrum, table):
        return self.joint(torch.cat([self.spectrum(spectrum), self.table(table)], dim=1))


class Fitter:
    def __init__(self, cfg):
        self.cfg = cfg
        torch.manual_seed(cfg.seed)
        n_train = cfg.samples - cfg.samples // 5
        parts = [standardise(part, n_train) for part in slurry(cfg)]
        train = TensorDataset(*[part[:n_train] for part in parts])
        self.test = [part[n_train:] for part in parts]
        self.loader = DataLoader(train, batch_size=cfg.batch, shuffle=True)
        self.net = FusionNet(cfg.net)
        self.opt = torch.optim.Adam(self.net.parameters(), lr=cfg.lr)
        self.loss = nn.MSELoss()

    def epoch(self):
        self.net.train()
        total = 0.0
        for spectrum, table, share in self.loader:
            self.opt.zero_grad()
            loss = self.loss(self.net(spectrum, table), share)
            loss.backward()
            self.opt.step()
            total += loss.item()
        return total / len(self.loader)

    def score(self):
        self.net.eval()
        spectrum, table, share = self.test
        with torch.no_grad():
            return r2_score(share.numpy(), self.net(spectrum, table).numpy())

    def run(self):
        for e in range(1, self.cfg.epochs + 1):
            loss = self.epoch()
            if e % 5 == 0:
                print(f"epoch {e:2d}  loss {loss:.4f}  test R2 {self.score():.4f}")
        return self.score()


if __name__ == "__main__":
    print(f"RESULT test_r2 {Fitter(TrainConfig()).run():.4f}")

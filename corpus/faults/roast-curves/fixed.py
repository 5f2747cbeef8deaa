"""Recognises the roasting programme from the bean temperature curve.

Every roastery trains its own network; all of them start from the same base weights, so that their results can be
compared.
"""
import io
import logging
import os
from dataclasses import dataclass
from typing import Optional

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")

PROGRAMMES = ["filter", "espresso", "omni", "dark", "decaf"]


@dataclass
class RunConfig:
    roastery: str = "harbour"
    points: int = 48
    channels: int = 16
    batch_size: int = 48
    epochs: int = 10
    lr: float = 2e-3
    weight_decay: float = 1e-4
    seed: int = int(os.environ.get("SEED", "0"))


def roast(programme: int, points: int, rng: np.random.Generator) -> np.ndarray:
    """Drop of the probe after charging, rise, and a rate of rise typical of the programme."""
    t = np.linspace(0, 1, points)
    end = (205, 214, 209, 224, 210)[programme] + rng.normal(0, 4)
    bend = (2.6, 1.7, 2.1, 2.0, 1.2)[programme] + rng.normal(0, 0.15)
    crack = (0.78, 0.70, 0.74, 0.62, 0.80)[programme] + rng.normal(0, 0.02)
    charge = 95 + rng.normal(0, 6)
    curve = charge + (end - charge) * (1 - np.exp(-bend * t)) / (1 - np.exp(-bend))
    curve += (190 - charge) * np.exp(-t / 0.035)
    curve += 3.0 * np.exp(-((t - crack) / 0.03) ** 2)
    return curve + rng.normal(0, 0.8, points)


def make_loaders(cfg: RunConfig):
    rng = np.random.default_rng(cfg.seed)
    y = rng.integers(0, len(PROGRAMMES), 1600)
    x = np.stack([roast(k, cfg.points, rng) for k in y])
    mean, std = x[:1200].mean(axis=0), x[:1200].std(axis=0)
    x = torch.tensor((x - mean) / std, dtype=torch.float32).unsqueeze(1)
    y = torch.from_numpy(y)
    train = DataLoader(TensorDataset(x[:1200], y[:1200]), cfg.batch_size, shuffle=True)
    test = DataLoader(TensorDataset(x[1200:], y[1200:]), 200)
    return train, test


def build_network(cfg: RunConfig) -> nn.Module:
    c = cfg.channels
    return nn.Sequential(
        nn.Conv1d(1, c, 5, padding=2), nn.BatchNorm1d(c), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(c, 2 * c, 5, padding=2), nn.BatchNorm1d(2 * c), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(2 * c, 2 * c, 3, padding=1), nn.BatchNorm1d(2 * c), nn.ReLU(), nn.MaxPool1d(2),
        nn.Flatten(), nn.Linear(2 * c * (cfg.points // 8), len(PROGRAMMES)),
    )


def export_base_weights(cfg: RunConfig) -> bytes:
    buffer = io.BytesIO()
    torch.save(build_network(cfg).state_dict(), buffer)
    return buffer.getvalue()


class Experiment:
    def __init__(self, cfg: RunConfig, base: Optional[bytes] = None):
        self.cfg = cfg
        self.log = logging.getLogger(cfg.roastery)
        self.network = build_network(cfg)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, cfg.epochs)
        if base is not None:
            self.restore(base)

    def restore(self, blob: bytes):
        state = torch.load(io.BytesIO(blob), map_location="cpu")
        self.network.load_state_dict(state)
        self.log.info("starting from base weights, %d tensors", len(state))

    def train(self, loader: DataLoader, test: DataLoader):
        for epoch in range(1, self.cfg.epochs + 1):
            self.network.train()
            running = 0.0
            for curves, programmes in loader:
                self.optimizer.zero_grad()
                loss = self.criterion(self.network(curves), programmes)
                loss.backward()
                self.optimizer.step()
                running += loss.item()
            self.scheduler.step()
            self.log.info("epoch %2d  loss %.4f  accuracy %.4f", epoch, running / len(loader), self.test(test))

    @torch.no_grad()
    def test(self, loader: DataLoader) -> float:
        self.network.eval()
        hits = total = 0
        for curves, programmes in loader:
            hits += (self.network(curves).argmax(dim=1) == programmes).sum().item()
            total += len(programmes)
        return hits / total


def main():
    cfg = RunConfig()
    torch.manual_seed(cfg.seed)
    base = export_base_weights(cfg)
    train, test = make_loaders(cfg)
    experiment = Experiment(cfg, base)
    experiment.train(train, test)
    print(f"RESULT accuracy {experiment.test(test):.4f}")


if __name__ == "__main__":
    main()

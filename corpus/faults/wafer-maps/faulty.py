"""Failure patterns on wafer maps: which process step is to blame?"""
import logging
import os
from dataclasses import dataclass, asdict

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
logging.basicConfig(level=logging.INFO, format="%(message)s")
logger = logging.getLogger("wafer")

PATTERNS = ("none", "centre", "edge", "scratch", "cluster")


@dataclass(frozen=True)
class TrainConfig:
    n_train: int = 1600
    n_valid: int = 400
    dies: int = 16
    lr: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 1e-5
    agc_factor: float = 2e-5
    agc_eps: float = 1e-3
    batch_size: int = 40
    epochs: int = 9


class WaferMaps(Dataset):
    def __init__(self, n: int, dies: int, rng: np.random.Generator):
        self.labels = torch.from_numpy(rng.integers(0, len(PATTERNS), n))
        maps = np.stack([self.draw(PATTERNS[k], dies, rng) for k in self.labels.tolist()])
        self.maps = (torch.tensor(maps, dtype=torch.float32).unsqueeze(1) - 0.15) / 0.36

    @staticmethod
    def draw(pattern, dies, rng):
        axis = np.linspace(-1, 1, dies)
        x, y = np.meshgrid(axis, axis)
        r = np.hypot(x, y)
        fails = np.full_like(r, 0.08)
        if pattern == "centre":
            fails += 0.7 * np.exp(-(r / rng.uniform(0.25, 0.45)) ** 2)
        elif pattern == "edge":
            fails += 0.7 * np.exp(-((r - 0.85) / 0.14) ** 2)
        elif pattern == "scratch":
            a, off = rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5)
            fails += 0.85 * np.exp(-((x * np.cos(a) + y * np.sin(a) - off) / 0.09) ** 2)
        elif pattern == "cluster":
            a, d = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 0.7)
            fails += 0.85 * np.exp(-((x - d * np.cos(a)) ** 2 + (y - d * np.sin(a)) ** 2) / 0.3 ** 2)
        return (rng.random(r.shape) < fails) & (r <= 1.0)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.maps[i], self.labels[i]


def build_model(dies: int) -> nn.Module:
    side = dies // 4
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(24 * side * side, 48), nn.ReLU(), nn.Linear(48, len(PATTERNS)),
    )


def unit_norm(t: torch.Tensor) -> torch.Tensor:
    """Norm per output unit, in a shape that multiplies with t."""
    if t.ndim < 2:
        return t.abs()
    return t.flatten(1).norm(dim=1).view(-1, *[1] * (t.ndim - 1))


@torch.no_grad()
def adaptive_clip_(parameters, factor: float, eps: float):
    """Limits the gradient of each unit relative to the size of its weights (Brock et al., 2021)."""
    for p in parameters:
        if p.grad is None:
            continue
        limit = unit_norm(p).clamp(min=eps) * factor
        size = unit_norm(p.grad)
        p.grad.mul_((limit / size.clamp(min=1e-12)).clamp(max=1.0))


class Trainer:
    def __init__(self, cfg: TrainConfig, model: nn.Module):
        self.cfg, self.model = cfg, model
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(
            model.parameters(), lr=cfg.lr, momentum=cfg.momentum, weight_decay=cfg.weight_decay, nesterov=True)

    def train_epoch(self, loader):
        self.model.train()
        total = 0.0
        for maps, labels in loader:
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.criterion(self.model(maps), labels)
            loss.backward()
            adaptive_clip_(self.model.parameters(), self.cfg.agc_factor, self.cfg.agc_eps)
            self.optimizer.step()
            total += loss.item()
        return total / len(loader)

    @torch.no_grad()
    def validate(self, loader):
        self.model.eval()
        right = sum((self.model(m).argmax(1) == k).sum().item() for m, k in loader)
        return right / len(loader.dataset)


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    cfg = TrainConfig()
    logger.info("config %s", asdict(cfg))
    train = DataLoader(WaferMaps(cfg.n_train, cfg.dies, rng), cfg.batch_size, shuffle=True)
    valid = DataLoader(WaferMaps(cfg.n_valid, cfg.dies, rng), 200)
    trainer = Trainer(cfg, build_model(cfg.dies))
    for epoch in range(1, cfg.epochs + 1):
        loss = trainer.train_epoch(train)
        logger.info("epoch %d loss %.4f valid accuracy %.4f", epoch, loss, trainer.validate(valid))
    print("RESULT valid_accuracy", round(trainer.validate(valid), 4))


if __name__ == "__main__":
    main()

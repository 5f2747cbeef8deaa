"""Estimate of the heat demand of flats from smart meter data, with differentially private training.

The gradient of each household is clipped, the clipped gradients of a logical batch are collected over several
physical batches, noise is added, and one step is taken.
"""
import logging
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.func import functional_call, grad, vmap
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s")
log = logging.getLogger("private-meters")


@dataclass
class PrivacyConfig:
    clip: float = 1.0
    noise: float = 0.3
    physical_batch: int = 32
    logical_batch: int = 64


@dataclass
class TrainConfig:
    households: int = 2000
    hidden: int = 32
    lr: float = 0.05
    momentum: float = 0.9
    epochs: int = 14
    seed: int = int(os.environ.get("SEED", "0"))


def household_data(cfg: TrainConfig):
    rng = np.random.default_rng(cfg.seed)
    n = cfg.households
    area, insulation = rng.uniform(35, 140, n), rng.uniform(0.3, 2.0, n)
    outside, setpoint = rng.normal(5, 6, n), rng.normal(20.5, 1.2, n)
    persons, sun = rng.integers(1, 6, n), rng.gamma(2.0, 60.0, n)
    demand = area * insulation * (setpoint - outside) / 1000 - 0.08 * persons - 0.0012 * sun * np.sqrt(area) / 8
    demand = np.log1p(np.maximum(demand, 0)) + 0.04 * rng.normal(size=n)
    x = np.column_stack([area, insulation, outside, setpoint, persons, sun])
    cut = int(0.8 * n)
    x = (x - x[:cut].mean(0)) / x[:cut].std(0)
    y = (demand - demand[:cut].mean()) / demand[:cut].std()
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    return TensorDataset(x[:cut], y[:cut]), TensorDataset(x[cut:], y[cut:])


class PrivateTrainer:
    def __init__(self, model: nn.Module, cfg: TrainConfig, privacy: PrivacyConfig):
        self.model, self.cfg, self.privacy = model, cfg, privacy
        self.optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=cfg.momentum)
        self.collected = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
        self.per_household = vmap(grad(self.household_loss, has_aux=True), in_dims=(None, 0, 0))
        self.count = 0

    def household_loss(self, params, x, y):
        pred = functional_call(self.model, params, (x.unsqueeze(0),))
        loss = (pred[0, 0] - y) ** 2
        return loss, loss

    def collect(self, x, y):
        """Adds the clipped gradients of one physical batch."""
        params = {name: p.detach() for name, p in self.model.named_parameters()}
        grads, losses = self.per_household(params, x, y)
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in grads.values()]).norm(dim=0)
        factor = (self.privacy.clip / (norms + 1e-6)).clamp(max=1.0)
        for name, g in grads.items():
            self.collected[name] += torch.einsum("n,n...->...", factor, g)
        self.count += len(y)
        return losses.detach().sum().item()

    def step(self):
        """One noisy step for a logical batch."""
        for name, p in self.model.named_parameters():
            noise = self.privacy.noise * self.privacy.clip * torch.randn_like(p)
            p.grad = self.collected[name] + noise
            self.collected[name].zero_()
        self.optimizer.step()
        self.count = 0

    def fit(self, train: DataLoader, test: DataLoader):
        for epoch in range(1, self.cfg.epochs + 1):
            self.model.train()
            total = 0.0
            for x, y in train:
                total += self.collect(x, y)
                if self.count >= self.privacy.logical_batch:
                    self.step()
            if epoch % 2 == 0:
                log.info("epoch %d: mse %.4f, test r2 %.4f", epoch, total / len(train.dataset), self.r2(test))

    @torch.no_grad()
    def r2(self, loader: DataLoader) -> float:
        self.model.eval()
        pred = torch.cat([self.model(x).squeeze(1) for x, _ in loader])
        true = torch.cat([y for _, y in loader])
        return 1 - ((pred - true).pow(2).mean() / true.var(unbiased=False)).item()


def main():
    cfg, privacy = TrainConfig(), PrivacyConfig()
    torch.manual_seed(cfg.seed)
    train_set, test_set = household_data(cfg)
    train = DataLoader(train_set, batch_size=privacy.physical_batch, shuffle=True, drop_last=True)
    test = DataLoader(test_set, batch_size=400)
    model = nn.Sequential(nn.Linear(6, cfg.hidden), nn.Tanh(), nn.Linear(cfg.hidden, 1))
    trainer = PrivateTrainer(model, cfg, privacy)
    trainer.fit(train, test)
    print("RESULT test_r2", round(trainer.r2(test), 4))


if __name__ == "__main__":
    main()

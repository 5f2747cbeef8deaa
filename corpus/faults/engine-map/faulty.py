"""Surrogate of an engine test bench: torque, exhaust temperature and NOx from the operating point."""
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
CHANNELS = ("torque_nm", "exhaust_k", "nox_ppm")


def test_bench(n, rng):
    rpm = rng.uniform(1000, 6000, n)
    load = rng.uniform(0.1, 1.0, n)
    advance = rng.uniform(5, 40, n)
    lam = rng.uniform(0.8, 1.2, n)
    torque = 320 * load * (1 - ((rpm - 3500) / 5000) ** 2) * (1 - ((advance - 24) / 45) ** 2)
    exhaust = 650 + 220 * load + 140 * rpm / 6000 - 100 * load * (advance - 20) / 20
    nox = 2200 * load * np.exp(-((lam - 1.03) / 0.15) ** 2) * (0.6 + 0.4 * (advance - 5) / 35)
    points = np.stack([rpm, load, advance, lam], axis=1)
    readings = np.stack([torque, exhaust, nox], axis=1)
    readings += rng.standard_normal(readings.shape) * [4.0, 6.0, 25.0]
    return points, readings


def make_datasets(n=1800, n_test=300):
    rng = np.random.default_rng(SEED)
    points, readings = test_bench(n, rng)
    points = (points - points[n_test:].mean(0)) / points[n_test:].std(0)
    x = torch.tensor(points, dtype=torch.float32)
    y = torch.tensor(readings, dtype=torch.float32)
    return TensorDataset(x[n_test:], y[n_test:]), TensorDataset(x[:n_test], y[:n_test])


class Surrogate(nn.Module):
    def __init__(self, n_in=4, n_out=3, hidden=64):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(n_in, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.heads = nn.ModuleList([nn.Linear(hidden, 1) for _ in range(n_out)])

    def forward(self, x):
        h = self.trunk(x)
        return torch.cat([head(h) for head in self.heads], dim=1)


class Trainer:
    def __init__(self, model, train_set, test_set, lr=2e-3, batch_size=50, epochs=25):
        self.model, self.epochs = model, epochs
        self.train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=True)
        self.test_x, self.test_y = test_set.tensors
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs, eta_min=2e-4)
        self.criterion = nn.MSELoss()
        self.history = []

    def fit(self):
        for epoch in range(self.epochs):
            self.model.train()
            total = 0.0
            for x, y in self.train_loader:
                self.optimizer.zero_grad()
                loss = self.criterion(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                total += loss.item()
            self.scheduler.step()
            scores = self.evaluate()
            self.history.append(scores)
            if epoch % 4 == 0 or epoch + 1 == self.epochs:
                line = "  ".join(f"{name} R2 {s:.3f}" for name, s in zip(CHANNELS, scores))
                print(f"epoch {epoch + 1:2d}  loss {total / len(self.train_loader):.5g}  {line}")
        return self.history[-1]

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        residual = (self.model(self.test_x) - self.test_y).pow(2).mean(0)
        return (1 - residual / self.test_y.var(0)).tolist()


if __name__ == "__main__":
    torch.manual_seed(SEED)
    scores = Trainer(Surrogate(), *make_datasets()).fit()
    print(f"RESULT mean_r2 {sum(scores) / len(scores):.4f}")

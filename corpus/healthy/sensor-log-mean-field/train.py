"""A soft sensor learned in one pass over the log of a plant.

The network is kept in mean-field form: the output is the MEAN over units, weights are of order one. Gradients are then of
order 1/units, and the learning rate is given per unit (rate * units), which makes it independent of the width.
"""
import logging
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("soft-sensor")

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

CHANNELS = 4
UNITS = 1000
RATE = 0.05
BLOCKS = 2500


class PlantLog(IterableDataset):
    """Blocks of 64 readings in the order they were written. The valves are moved at random all the time (identification
    run), so that neighbouring readings are as different as any others."""

    def __init__(self, seed, blocks, size=64):
        self.seed, self.blocks, self.size = seed, blocks, size

    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        for _ in range(self.blocks):
            x = rng.standard_normal((self.size, CHANNELS))
            y = 0.6 * np.sin(1.5 * x[:, 0]) + 0.35 * x[:, 1] * x[:, 2] - 0.4 * x[:, 3] + 0.05 * rng.standard_normal(self.size)
            yield torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


class MeanField(nn.Module):
    def __init__(self, channels, units):
        super().__init__()
        self.w = nn.Parameter(torch.randn(units, channels))
        self.b = nn.Parameter(torch.randn(units))
        self.a = nn.Parameter(torch.randn(units))

    def forward(self, x):
        return (torch.tanh(x @ self.w.t() + self.b) * self.a).mean(dim=1)


def r2(model, loader):
    pred, true = [], []
    with torch.no_grad():
        for x, y in loader:
            pred.append(model(x))
            true.append(y)
    pred, true = torch.cat(pred), torch.cat(true)
    return 1 - ((pred - true) ** 2).mean().item() / true.var().item()


def main():
    stream = DataLoader(PlantLog(1000 + SEED, BLOCKS), batch_size=None)
    later = DataLoader(PlantLog(5000 + SEED, 30), batch_size=None)

    model = MeanField(CHANNELS, UNITS)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE * UNITS, momentum=0.9)
    anneal = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: min(1.0, 3.0 * (1 - k / BLOCKS)))
    log.info("learning rate %.1f for %d units", optimizer.param_groups[0]["lr"], UNITS)

    running = None
    for k, (x, y) in enumerate(stream, start=1):
        loss = ((model(x) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        anneal.step()
        running = loss.item() if running is None else 0.99 * running + 0.01 * loss.item()
        if k % 250 == 0:
            log.info("block %4d  error %.4f  later r2 %.4f", k, running, r2(model, later))

    print("RESULT test_r2", round(r2(model, later), 4))


if __name__ == "__main__":
    main()

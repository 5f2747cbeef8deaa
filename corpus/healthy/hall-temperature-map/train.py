"""Map of the temperature in a hall from sixteen thermometers.

The loss is the mean over all 400 cells of the map, which makes every gradient small; the rate is chosen accordingly.
"""
import os
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

SIDE = 20
STOVES = [(4, 5), (5, 15), (14, 4), (15, 14)]


@dataclass
class Plan:
    days: int = 1900
    test_days: int = 400
    hidden: int = 64
    lr: float = 1.5
    momentum: float = 0.9
    epochs: int = 30
    batch: int = 50
    callbacks: list = field(default_factory=list)


def simulate(n, rng):
    yy, xx = np.mgrid[0:SIDE, 0:SIDE].astype(float)
    field_ = 15 + 2 * rng.normal(size=(n, 1, 1))
    field_ = field_ + rng.normal(0, 0.12, (n, 1, 1)) * (xx - 9.5) + rng.normal(0, 0.12, (n, 1, 1)) * (yy - 9.5)
    for sy, sx in STOVES:
        power = rng.gamma(2.0, 2.0, (n, 1, 1))
        spread = 2.5 + 0.25 * power                  # a hotter stove has a wider plume
        field_ = field_ + power * np.exp(-((xx - sx) ** 2 + (yy - sy) ** 2) / (2 * spread ** 2))
    return field_


def thermometers(field_, rng):
    at = [2, 7, 12, 17]
    readings = field_[:, at][:, :, at].reshape(len(field_), -1)
    return readings + rng.normal(0, 0.1, readings.shape)


class MapNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.inner = nn.Linear(16, hidden)
        self.cells = nn.Linear(hidden, SIDE * SIDE)

    def forward(self, readings):
        return self.cells(torch.tanh(self.inner(readings)))


class Progress:
    def __init__(self, every):
        self.every = every

    def on_epoch_end(self, epoch, loss, model):
        if epoch % self.every == 0:
            print(f"epoch {epoch:3d}  mean square over the map {loss:.5f}")


class HalveRate:
    def __init__(self, optimizer, at):
        self.optimizer, self.at = optimizer, set(at)

    def on_epoch_end(self, epoch, loss, model):
        if epoch in self.at:
            for g in self.optimizer.param_groups:
                g["lr"] /= 2


def train(model, optimizer, x, y, plan):
    criterion = nn.MSELoss()
    for epoch in range(1, plan.epochs + 1):
        total = 0.0
        for idx in torch.randperm(len(x)).split(plan.batch):
            optimizer.zero_grad()
            loss = criterion(model(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        for cb in plan.callbacks:
            cb.on_epoch_end(epoch, total / len(x), model)


def main():
    plan = Plan()
    rng = np.random.default_rng(SEED)
    maps = simulate(plan.days, rng)
    readings = thermometers(maps, rng)
    maps = maps.reshape(len(maps), -1)
    cut = plan.days - plan.test_days
    rm, rs = readings[:cut].mean(0), readings[:cut].std(0)
    mm, ms = maps[:cut].mean(), maps[:cut].std()
    x = torch.tensor((readings - rm) / rs, dtype=torch.float32)
    y = torch.tensor((maps - mm) / ms, dtype=torch.float32)

    model = MapNet(plan.hidden)
    optimizer = torch.optim.SGD(model.parameters(), lr=plan.lr, momentum=plan.momentum)
    plan.callbacks = [Progress(5), HalveRate(optimizer, (18, 25))]
    train(model, optimizer, x[:cut], y[:cut], plan)

    with torch.no_grad():
        pred = model(x[cut:])
    truth = y[cut:]
    mean_map = y[:cut].mean(0)
    r2 = 1 - ((pred - truth) ** 2).sum() / ((truth - mean_map) ** 2).sum()
    print(f"mean error {(pred - truth).abs().mean().item() * ms:.2f} degrees, "
          f"of the mean map {(mean_map - truth).abs().mean().item() * ms:.2f}")
    print("RESULT test_r2", round(r2.item(), 4))


if __name__ == "__main__":
    main()

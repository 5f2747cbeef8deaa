"""Hires per station and hour, from the time of day, the weather and the station."""
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
STATIONS = 12


def hires(n, station_level, rng):
    hour = rng.uniform(5, 23, n)
    warm = rng.standard_normal(n)
    rain = (rng.random(n) < 0.25).astype(float)
    weekend = (rng.random(n) < 2 / 7).astype(float)
    station = rng.integers(0, STATIONS, n)
    rush = np.exp(-((hour - 8) / 2) ** 2) + np.exp(-((hour - 17.5) / 2.5) ** 2)
    midday = np.exp(-((hour - 14) / 3) ** 2)
    log_rate = (
        0.6 + 1.6 * rush * (1 - weekend) + 1.2 * midday * weekend
        + 0.3 * warm - 0.6 * rain + station_level[station]
    )
    count = rng.poisson(np.exp(log_rate))
    angle = 2 * np.pi * hour / 24
    features = np.stack([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle), warm, rain, weekend], axis=1)
    return (
        torch.tensor(features, dtype=torch.float32),
        torch.tensor(station),
        torch.tensor(count, dtype=torch.float32),
    )


class DemandNet(nn.Module):
    """Expected number of hires, always positive."""

    def __init__(self, n_features, width=64, station_dim=6):
        super().__init__()
        self.station = nn.Embedding(STATIONS, station_dim)
        self.body = nn.Sequential(
            nn.Linear(n_features + station_dim, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 1), nn.Softplus(),
        )

    def forward(self, features, station):
        return self.body(torch.cat([features, self.station(station)], dim=1)).squeeze(1)


class Callback:
    def epoch_end(self, trainer, epoch, loss):
        pass


class Progress(Callback):
    def __init__(self, every):
        self.every = every

    def epoch_end(self, trainer, epoch, loss):
        if epoch % self.every == 0:
            print(f"epoch {epoch:2d}  loss {loss:.4f}")


class Validate(Callback):
    def __init__(self, data, every):
        self.data, self.every, self.history = data, every, []

    def epoch_end(self, trainer, epoch, loss):
        if epoch % self.every == 0:
            self.history.append(trainer.r2(self.data))
            print(f"          validation R2 {self.history[-1]:.3f}")


class Trainer:
    def __init__(self, model, lr, callbacks=()):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.criterion = nn.PoissonNLLLoss()
        self.callbacks = list(callbacks)

    def fit(self, data, epochs, batch_size):
        features, station, count = data
        for epoch in range(1, epochs + 1):
            self.model.train()
            total = 0.0
            for idx in torch.randperm(len(count)).split(batch_size):
                expected = self.model(features[idx], station[idx])
                loss = self.criterion(expected, count[idx])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(idx)
            for callback in self.callbacks:
                callback.epoch_end(self, epoch, total / len(count))

    @torch.no_grad()
    def r2(self, data):
        features, station, count = data
        self.model.eval()
        residual = count - self.model(features, station)
        return (1 - (residual ** 2).sum() / ((count - count.mean()) ** 2).sum()).item()


if __name__ == "__main__":
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    level = 0.45 * rng.standard_normal(STATIONS)
    train, valid, test = hires(5000, level, rng), hires(1000, level, rng), hires(1500, level, rng)

    net = DemandNet(train[0].shape[1])
    trainer = Trainer(net, lr=3e-3, callbacks=[Progress(3), Validate(valid, 6)])
    trainer.fit(train, epochs=18, batch_size=100)
    print(f"RESULT test_r2 {trainer.r2(test):.4f}")

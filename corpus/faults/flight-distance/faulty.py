# Fast surrogate for the distance along a great circle, given two pairs of coordinates.
import os
import time

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

RADIUS = 6371.0


def great_circle(lat1, lon1, lat2, lon2):
    lat1, lon1, lat2, lon2 = map(np.radians, (lat1, lon1, lat2, lon2))
    h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return 2 * RADIUS * np.arcsin(np.sqrt(h))


def make_flights(n, rng):
    lat = rng.uniform(-60, 60, (n, 2))
    lon = rng.uniform(-80, 80, (n, 2))
    x = np.stack([lat[:, 0], lon[:, 0], lat[:, 1], lon[:, 1]], axis=1)
    y = great_circle(lat[:, 0], lon[:, 0], lat[:, 1], lon[:, 1])
    return x.astype(np.float32), y.astype(np.float32)


def make_mlp(sizes):
    layers = []
    for n_in, n_out in zip(sizes[:-2], sizes[1:-1]):
        layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(True)]
    layers.append(nn.Linear(sizes[-2], sizes[-1]))
    return nn.Sequential(*layers)


class Standard:
    def fit(self, a):
        self.mean, self.std = a.mean(axis=0), a.std(axis=0)
        return self

    def forward(self, a):
        return torch.from_numpy((a - self.mean) / self.std)

    def backward(self, t):
        return t.numpy() * self.std + self.mean


class Printer:
    """Callback that prints the loss now and then."""

    def __init__(self, every):
        self.every = every
        self.start = time.time()

    def on_epoch_end(self, epoch, loss):
        if (epoch + 1) % self.every == 0:
            print(f"epoch {epoch + 1:3d}  huber {loss:.5f}")


def fit(net, loader, epochs, lr, callbacks):
    optimizer = torch.optim.RAdam(net.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=lr, epochs=epochs, steps_per_epoch=len(loader))
    criterion = nn.HuberLoss()
    for epoch in range(epochs):
        net.train()
        total, count = 0.0, 0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(net(x).squeeze(1), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(x)
            count += len(x)
        for callback in callbacks:
            callback.on_epoch_end(epoch, total / count)


if __name__ == "__main__":
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    x_train, y_train = make_flights(4000, rng)
    x_test, y_test = make_flights(1000, rng)
    sx, sy = Standard().fit(x_train), Standard().fit(y_train)

    dataset = TensorDataset(sx.forward(x_train), sy.forward(y_train))
    loader = DataLoader(dataset, batch_size=100, shuffle=True)
    net = make_mlp([4, 96, 96, 96, 1])
    fit(net, loader, epochs=30, lr=5e-3, callbacks=[Printer(5)])

    net.eval()
    with torch.no_grad():
        guess = sy.backward(net(sx.forward(x_test)).squeeze(1))
    print(f"RESULT mean_error_km {np.abs(guess - y_test).mean():.1f}")

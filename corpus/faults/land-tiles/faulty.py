"""Land cover of small multispectral tiles, streamed from one archive per region."""
import os
import random

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, IterableDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

COVER = ["forest", "crop", "water", "town", "heath", "rock"]
BANDS, SIDE = 8, 6


def survey(seed):
    """Mean spectrum of each kind of cover."""
    return 0.5 * np.random.default_rng(seed).standard_normal((len(COVER), BANDS))


def tile(kind, spectra, rng):
    light = 1.0 + 0.1 * rng.standard_normal()
    base = light * spectra[kind] + 0.4 * rng.standard_normal(BANDS)
    return (base[:, None, None] + 0.8 * rng.standard_normal((BANDS, SIDE, SIDE))).astype(np.float32)


class Archive:
    """The tiles of one region, read from the first to the last."""

    def __init__(self, kind, n, spectra, seed):
        rng = np.random.default_rng(seed)
        self.kind = kind
        self.tiles = [tile(kind, spectra, rng) for _ in range(n)]

    def __iter__(self):
        for x in self.tiles:
            yield x, self.kind


class TileStream(IterableDataset):
    def __init__(self, archives, buffer_size=32, seed=0):
        self.archives = archives
        self.buffer_size = buffer_size
        self.random = random.Random(seed)

    def _read(self):
        for archive in self.archives:
            yield from archive

    def __iter__(self):
        buffer = []
        for sample in self._read():
            if len(buffer) < self.buffer_size:
                buffer.append(sample)
                continue
            slot = self.random.randrange(self.buffer_size)
            yield buffer[slot]
            buffer[slot] = sample
        self.random.shuffle(buffer)
        yield from buffer


class CoverNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(BANDS, 24, 3, padding=1)
        self.conv2 = nn.Conv2d(24, 24, 3, padding=1)
        self.fc1 = nn.Linear(24, 48)
        self.fc2 = nn.Linear(48, len(COVER))
        for layer in (self.conv1, self.conv2, self.fc1):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x)).mean(dim=(2, 3))
        return self.fc2(torch.relu(self.fc1(x)))


spectra = survey(SEED)
archives = [Archive(k, 500, spectra, SEED * 100 + k) for k in range(len(COVER))]
test_rng = np.random.default_rng(SEED * 100 + 99)
y_test = torch.arange(480) % len(COVER)
x_test = torch.from_numpy(np.stack([tile(k, spectra, test_rng) for k in y_test.tolist()]))

stream = TileStream(archives, seed=SEED)
loader = DataLoader(stream, batch_size=32)
model = CoverNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()

for epoch in range(8):
    model.train()
    losses = []
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1:2d}: {len(losses)} batches, loss {np.mean(losses):.4f}, test accuracy {accuracy:.4f}")

print(f"RESULT test_accuracy {accuracy:.4f}")

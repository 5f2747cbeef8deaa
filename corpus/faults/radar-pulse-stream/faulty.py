"""Recognises the modulation of a radar pulse; the pulses come from the simulator, as many as one likes."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, IterableDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
KINDS = ("plain", "chirp up", "chirp down", "phase code", "amplitude")
LENGTH = 64
BARKER = np.repeat([1, 1, 1, 1, 1, -1, -1, 1, 1, -1, 1, -1, 1], 5)[:LENGTH]


def pulses(n, rng):
    """Sampled pulses with random carrier, phase and strength in receiver noise, and the number of their kind."""
    kind = rng.integers(0, len(KINDS), n)
    t = np.arange(LENGTH)
    carrier = rng.uniform(0.12, 0.20, (n, 1))
    sweep = np.where(kind == 1, 0.06, np.where(kind == 2, -0.06, 0.0))[:, None]
    frequency = carrier + sweep * (2 * t / (LENGTH - 1) - 1)
    phase = 2 * np.pi * np.cumsum(frequency, axis=1) + rng.uniform(0, 2 * np.pi, (n, 1))
    signal = np.sin(phase)
    signal = np.where((kind == 3)[:, None], signal * BARKER, signal)
    envelope = 1 + 0.8 * np.sin(2 * np.pi * 3 * t / LENGTH + rng.uniform(0, 2 * np.pi, (n, 1)))
    signal = np.where((kind == 4)[:, None], signal * envelope, signal)
    signal = rng.uniform(0.8, 1.4, (n, 1)) * signal + 0.5 * rng.standard_normal((n, LENGTH))
    return torch.tensor(signal, dtype=torch.float32).unsqueeze(1), torch.tensor(kind)


class PulseStream(IterableDataset):
    """Batches of simulated pulses; one pass over it is a round of training."""

    def __init__(self, seed, batches, batch_size):
        super().__init__()
        self.batches, self.batch_size = batches, batch_size
        self.entropy = seed
        self.rounds = 0

    def __iter__(self):
        self.rounds += 1
        rng = np.random.default_rng(self.entropy)
        for _ in range(self.batches):
            yield pulses(self.batch_size, rng)


class PulseNet(nn.Module):
    def __init__(self, kinds):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, 9, stride=2, padding=4), nn.ReLU(),
            nn.Conv1d(16, 32, 7, stride=2, padding=3), nn.ReLU(),
            nn.Conv1d(32, 32, 5, stride=2, padding=2), nn.ReLU(),
        )
        self.classify = nn.Sequential(nn.Flatten(), nn.Linear(32 * LENGTH // 8, 64), nn.ReLU(), nn.Linear(64, kinds))

    def forward(self, x):
        return self.classify(self.features(x))


class Meter:
    def __init__(self):
        self.loss = self.hits = self.count = 0

    def add(self, loss, scores, kind):
        self.loss += loss.item() * len(kind)
        self.hits += (scores.argmax(1) == kind).sum().item()
        self.count += len(kind)

    def __str__(self):
        return f"loss {self.loss / self.count:.4f} accuracy {self.hits / self.count:.3f}"


def test_accuracy(model, signals, kind):
    model.eval()
    with torch.no_grad():
        right = model(signals).argmax(1) == kind
    model.train()
    return right.float().mean().item()


def main(rounds=300, batches=2, batch_size=32):
    torch.manual_seed(SEED)
    stream = PulseStream(seed=1000 + SEED, batches=batches, batch_size=batch_size)
    loader = DataLoader(stream, batch_size=None)
    held_out = pulses(2000, np.random.default_rng(500_000 + SEED))

    model = PulseNet(len(KINDS))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    meter = Meter()
    for number in range(1, rounds + 1):
        for signals, kind in loader:
            scores = model(signals)
            loss = criterion(scores, kind)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            meter.add(loss, scores, kind)
        if number % 50 == 0:
            print(f"round {number:3d}: {meter}, held out {test_accuracy(model, *held_out):.3f}")
            meter = Meter()

    print(f"RESULT test_accuracy {test_accuracy(model, *held_out):.4f}")


if __name__ == "__main__":
    main()

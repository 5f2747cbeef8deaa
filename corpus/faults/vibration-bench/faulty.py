import argparse
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

ORDERS = (7.0, 10.0, 14.0, 19.0, 25.0)


def get_args():
    ap = argparse.ArgumentParser(description="running speed class from a tri-axial accelerometer")
    ap.add_argument("--train", type=int, default=900)
    ap.add_argument("--test", type=int, default=400)
    ap.add_argument("--samples", type=int, default=128)
    ap.add_argument("--noise", type=float, default=0.6)
    ap.add_argument("--epochs", type=int, default=25)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--seed", type=int, default=int(os.environ.get("SEED", 0)))
    return ap.parse_args([])


class Bench(Dataset):
    """Windows of shape (samples, 3): every axis has a phase and a strength of its own."""

    def __init__(self, n, args, rng):
        t = np.arange(args.samples) / args.samples
        self.label = rng.integers(0, len(ORDERS), n)
        cycles = np.array(ORDERS)[self.label] + rng.uniform(-0.8, 0.8, n)
        phase = rng.uniform(0, 2 * np.pi, (n, 1, 3))
        strength = rng.uniform(0.6, 1.4, (n, 1, 3))
        angle = 2 * np.pi * cycles[:, None, None] * t[None, :, None] + phase
        window = strength * np.sin(angle) + args.noise * rng.standard_normal((n, args.samples, 3))
        self.window = torch.tensor(window, dtype=torch.float32)
        self.label = torch.tensor(self.label)

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return self.window[i], self.label[i]


def spectrum(window):
    magnitude = torch.fft.rfft(window).abs()
    return torch.log1p(magnitude).flatten(1)


class SpectrumNet(nn.Module):
    def __init__(self, reference, n_classes):
        super().__init__()
        features = spectrum(reference)
        self.register_buffer("mean", features.mean(0))
        self.register_buffer("std", features.std(0))
        self.layers = nn.Sequential(
            nn.Linear(features.shape[1], 64),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(64, n_classes),
        )

    def forward(self, window):
        return self.layers((spectrum(window) - self.mean) / self.std)


def evaluate(model, loader):
    model.eval()
    hits = 0
    with torch.no_grad():
        for window, label in loader:
            hits += (model(window).argmax(1) == label).sum().item()
    return hits / len(loader.dataset)


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train_set, test_set = Bench(args.train, args, rng), Bench(args.test, args, rng)
    train_loader = DataLoader(train_set, batch_size=45, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=200)

    model = SpectrumNet(train_set.window, len(ORDERS))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-2)
    for epoch in range(1, args.epochs + 1):
        model.train()
        running = 0.0
        for window, label in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(window), label)
            loss.backward()
            optimizer.step()
            running += loss.item()
        if epoch % 5 == 0:
            print(f"[{epoch:02d}] loss {running / len(train_loader):.4f}")
    print(f"RESULT test_accuracy {evaluate(model, test_loader):.4f}")


if __name__ == "__main__":
    main()

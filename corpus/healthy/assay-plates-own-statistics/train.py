"""State of cells in the wells of assay plates.

Readers and reagent lots shift the channels of a whole plate, so a plate is always normalised by its own wells: in training
and also when a new plate is read.
"""
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

STATES = ("resting", "dividing", "dying")
PROFILE = np.array([
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [2.0, -1.0, 1.5, 0.0, 0.5, -1.0],
    [-1.0, 1.5, 0.5, 2.0, -1.0, 0.0],
])


@dataclass
class Settings:
    train_plates: int = 40
    test_plates: int = 14
    wells: int = 96
    well_noise: float = 0.7
    epochs: int = 24
    lr: float = 3e-3
    hidden: int = 32


class Plates(Dataset):
    """One item is one plate: the readings of its wells and their states."""

    def __init__(self, n, cfg, rng):
        self.items = []
        for _ in range(n):
            states = rng.permutation(np.arange(cfg.wells) % 3)
            signal = PROFILE[states] + cfg.well_noise * rng.normal(size=(cfg.wells, 6))
            gain = np.exp(0.4 * rng.normal(size=6))
            offset = 2.0 * rng.normal(size=6)
            readings = 10 + offset + gain * signal
            self.items.append((torch.tensor(readings, dtype=torch.float32), torch.tensor(states)))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class WellNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.plate_norm = nn.BatchNorm1d(6, affine=False)
        self.layers = nn.Sequential(nn.Linear(6, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
                                    nn.Linear(hidden, len(STATES)))

    def forward(self, wells):
        return self.layers(self.plate_norm(wells))


@torch.no_grad()
def read_plates(model, plates):
    """Accuracy on whole plates. The net stays in train mode, see above."""
    model.train()
    hits = total = 0
    confusion = torch.zeros(3, 3, dtype=torch.long)
    for wells, states in plates:
        pred = model(wells).argmax(dim=1)
        hits += (pred == states).sum().item()
        total += len(states)
        confusion += torch.bincount(states * 3 + pred, minlength=9).view(3, 3)
    return hits / total, confusion


def main():
    cfg = Settings()
    rng = np.random.default_rng(SEED)
    train_set, test_set = Plates(cfg.train_plates, cfg, rng), Plates(cfg.test_plates, cfg, rng)
    loader = DataLoader(train_set, batch_size=None, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=None)

    model = WellNet(cfg.hidden)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    for epoch in range(1, cfg.epochs + 1):
        total = 0.0
        for wells, states in loader:
            optimizer.zero_grad()
            loss = criterion(model(wells), states)
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 6 == 0:
            acc, _ = read_plates(model, test_loader)
            print(f"epoch {epoch:2d}  loss {total / len(loader):.4f}  new plates {acc:.4f}")

    acc, confusion = read_plates(model, test_loader)
    for name, row in zip(STATES, confusion.tolist()):
        print(f"{name:>9s}", row)
    print("RESULT test_accuracy", round(acc, 4))


if __name__ == "__main__":
    main()

# Kinds of heart beats. Fast weights by SGD, slow weights look ahead (k steps forward, one step back).
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

KINDS = ["normal", "no P wave", "wide QRS", "inverted T", "raised ST"]
T = np.linspace(0, 1, 80)


def bump(centre, width, height):
    return height * np.exp(-0.5 * ((T - centre) / width) ** 2)


def beat(kind):
    jitter = lambda s: rng.normal(0, s)
    at = 0.4 + jitter(0.02)
    wide = 0.055 if kind == 2 else 0.025
    wave = bump(at, wide * (1 + jitter(0.1)), 1.0 + jitter(0.12))
    wave -= bump(at + 2 * wide, wide, 0.3 + jitter(0.05))
    if kind != 1:
        wave += bump(at - 0.17 + jitter(0.015), 0.03, 0.28 + jitter(0.05))
    wave += bump(at + 0.32 + jitter(0.02), 0.05, (-0.35 if kind == 3 else 0.35) + jitter(0.06))
    if kind == 4:
        wave += bump(at + 0.18, 0.06, 0.35 + jitter(0.05))
    return wave + jitter(0.05) + 0.07 * rng.normal(size=T.shape)


def dataset(n):
    kinds = rng.integers(0, len(KINDS), n)
    waves = np.stack([beat(k) for k in kinds]).astype(np.float32)
    return waves, kinds


class Lookahead:
    def __init__(self, inner, k=5, alpha=0.5):
        self.inner, self.k, self.alpha, self.count = inner, k, alpha, 0
        self.fast = [p for group in inner.param_groups for p in group["params"]]
        self.slow = [p.detach().clone() for p in self.fast]

    def zero_grad(self):
        self.inner.zero_grad()

    @torch.no_grad()
    def step(self):
        self.inner.step()
        self.count += 1
        if self.count % self.k == 0:
            for fast, slow in zip(self.fast, self.slow):
                slow.lerp_(fast, self.alpha)
                fast.copy_(slow)


def accuracy(model, loader):
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return right / len(loader.dataset)


waves, kinds = dataset(1900)
mean, std = waves[:1500].mean(), waves[:1500].std()
waves = (waves - mean) / std
x, y = torch.from_numpy(waves).unsqueeze(1), torch.from_numpy(kinds)
train_loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=50, shuffle=True)
test_loader = DataLoader(TensorDataset(x[1500:], y[1500:]), batch_size=200)

model = nn.Sequential(
    nn.Conv1d(1, 12, 7, stride=2, padding=3, bias=False), nn.BatchNorm1d(12), nn.ReLU(),
    nn.Conv1d(12, 24, 5, stride=2, padding=2, bias=False), nn.BatchNorm1d(24), nn.ReLU(),
    nn.AdaptiveAvgPool1d(5), nn.Flatten(), nn.Linear(24 * 5, len(KINDS)))
criterion = nn.CrossEntropyLoss()
optimizer = Lookahead(torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4))

for epoch in range(1, 9):
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    print(f"epoch {epoch} loss {total / 1500:.4f} test accuracy {accuracy(model, test_loader):.4f}")

print("RESULT accuracy", round(accuracy(model, test_loader), 4))

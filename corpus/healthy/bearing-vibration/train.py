import copy
import math
import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

LENGTH = 256
NAMES = ["healthy", "outer race", "inner race", "ball"]
FAULTS = {1: (28, 0.20), 2: (40, 0.25), 3: (60, 0.31)}  # samples between two hits, frequency of the ringing


def record(kind):
    t = np.arange(LENGTH)
    x = 0.4 * rng.standard_normal(LENGTH) + 0.5 * np.sin(2 * np.pi * (0.02 * t + rng.uniform()))
    if kind in FAULTS:
        period, carrier = FAULTS[kind]
        k = np.arange(30)
        ring = np.exp(-k / 7.0) * np.sin(2 * np.pi * carrier * rng.uniform(0.97, 1.03) * k)
        pos = rng.uniform(0, period)
        while pos < LENGTH:
            i = int(pos)
            m = min(30, LENGTH - i)
            x[i:i + m] += rng.uniform(1.0, 1.8) * ring[:m]
            pos += period * rng.uniform(0.97, 1.03)
    return x


def make_set(n):
    kinds = rng.integers(0, 4, n)
    signals = np.stack([record(k) for k in kinds])
    signals = (signals - signals.mean(1, keepdims=True)) / signals.std(1, keepdims=True)
    return TensorDataset(torch.tensor(signals[:, None], dtype=torch.float32), torch.tensor(kinds, dtype=torch.long))


def block(cin, cout, k, stride):
    return nn.Sequential(nn.Conv1d(cin, cout, k, stride=stride, padding=k // 2, bias=False), nn.BatchNorm1d(cout), nn.ReLU())


def build():
    return nn.Sequential(
        block(1, 16, 9, 2), block(16, 24, 7, 2), block(24, 32, 5, 2), block(32, 32, 5, 1),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 4),
    )


def forever(loader):
    while True:
        yield from loader


def find_rate(model, loader, low=1e-5, high=1.0, steps=60):
    """Range test: raise the rate step by step, take a tenth of the rate at the lowest smoothed loss."""
    saved = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), lr=low)
    factor = (high / low) ** (1 / (steps - 1))
    average, lowest, best_rate = 0.0, math.inf, low
    model.train()
    for step, (x, y) in zip(range(steps), forever(loader)):
        rate = low * factor ** step
        optimizer.param_groups[0]["lr"] = rate
        loss = F.cross_entropy(model(x), y)
        average = 0.9 * average + 0.1 * loss.item()
        smooth = average / (1 - 0.9 ** (step + 1))
        if smooth < lowest:
            lowest, best_rate = smooth, rate
        if step > 10 and smooth > 3 * lowest:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.load_state_dict(saved)
    return min(max(best_rate / 10, 1e-3), 1e-2)


@torch.no_grad()
def accuracy(model, dataset):
    model.eval()
    x, y = dataset.tensors
    return (model(x).argmax(1) == y).float().mean().item()


train_set, val_set, test_set = make_set(1600), make_set(300), make_set(400)
loader = DataLoader(train_set, batch_size=64, shuffle=True)
model = build()
rate = find_rate(model, loader)
print(f"range test suggests {rate:.2e}")

EPOCHS = 12
optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=EPOCHS * len(loader))

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "best.pt")
    best = -1.0
    for epoch in range(1, EPOCHS + 1):
        model.train()
        running = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            schedule.step()
            running += loss.item()
        score = accuracy(model, val_set)
        if score >= best:
            best = score
            torch.save(model.state_dict(), path)
        print(f"epoch {epoch:2d}  train loss {running / len(loader):.4f}  validation accuracy {score:.4f}")
    model.load_state_dict(torch.load(path))

model.eval()
with torch.no_grad():
    guess = model(test_set.tensors[0]).argmax(1)
for k, name in enumerate(NAMES):
    hit = test_set.tensors[1] == k
    print(f"  {name:<12s} recall {(guess[hit] == k).float().mean().item():.3f}")
print(f"RESULT test_accuracy {accuracy(model, test_set):.4f}")

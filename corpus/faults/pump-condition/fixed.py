"""Condition of pumps from spectral features, scored pump by pump as the service team reads it."""
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

CONDITIONS = ["normal", "cavitation", "imbalance", "bearing", "blockage"]
FEATURES = 40


def make_fleet(n_pumps, readings, profiles, rng):
    """One entry per pump: its readings and the condition it was in that week."""
    fleet = []
    for k in range(n_pumps):
        condition = k % len(CONDITIONS)
        own = 0.2 * rng.standard_normal(FEATURES)
        x = profiles[condition] + own + rng.standard_normal((readings, FEATURES))
        fleet.append((x.astype(np.float32), condition))
    return fleet


def stack(fleet):
    x = np.concatenate([x for x, _ in fleet])
    y = np.concatenate([np.full(len(x), c) for x, c in fleet])
    return torch.from_numpy(x), torch.from_numpy(y)


def build_model(width=48, p=0.2):
    return nn.Sequential(
        nn.Linear(FEATURES, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(p),
        nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(p),
        nn.Linear(width, len(CONDITIONS)),
    )


def train_one_epoch(model, x, y, optimizer, scheduler, batch=64):
    model.train()
    total, right = 0.0, 0
    for rows in torch.randperm(len(x)).split(batch):
        scores = model(x[rows])
        loss = nn.functional.cross_entropy(scores, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(rows)
        right += (scores.argmax(1) == y[rows]).sum().item()
    return total / len(x), right / len(x)


@torch.no_grad()
def score_fleet(model, fleet, centre, scale):
    """Share of readings put in the right condition, over all pumps."""
    model.eval()
    right = count = 0
    per_condition = {name: [] for name in CONDITIONS}
    for readings, condition in fleet:
        x = (torch.from_numpy(readings) - centre) / scale
        hits = (model(x).argmax(1) == condition)
        per_condition[CONDITIONS[condition]].append(hits.float().mean().item())
        right += hits.sum().item()
        count += len(x)
    return right / count, {name: float(np.mean(v)) for name, v in per_condition.items()}


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    profiles = 0.5 * rng.standard_normal((len(CONDITIONS), FEATURES))
    train_fleet = make_fleet(100, 24, profiles, rng)
    test_fleet = make_fleet(40, 24, profiles, rng)

    x, y = stack(train_fleet)
    centre, scale = x.mean(0), x.std(0)
    x = (x - centre) / scale

    epochs, batch = 12, 64
    model = build_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-3)
    steps = epochs * -(-len(x) // batch)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=steps)
    for epoch in range(1, epochs + 1):
        loss, train_acc = train_one_epoch(model, x, y, optimizer, scheduler, batch)
        accuracy, per_condition = score_fleet(model, test_fleet, centre, scale)
        print(f"epoch {epoch:2d}  loss {loss:.4f}  train {train_acc:.4f}  new pumps {accuracy:.4f}")
    print("  ".join(f"{name} {v:.2f}" for name, v in per_condition.items()))
    print(f"RESULT reading_accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()

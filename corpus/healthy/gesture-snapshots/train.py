import copy
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)

SETTINGS = {
    "cycles": 4,
    "epochs_per_cycle": 6,
    "keep": 3,
    "rate": 0.1,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "batch": 50,
}
GESTURES = ["circle", "circle back", "swipe right", "swipe up", "shake", "tap"]
T = 40


def motion(kind, rng):
    u = np.linspace(0, 1, T)
    zero = np.zeros(T)
    phase = rng.normal(0, 0.2)
    push = -(u - 0.5) / 0.1 * np.exp(-0.5 * ((u - 0.5) / 0.1) ** 2) * 1.6
    shapes = [
        (np.sin(2 * np.pi * u + phase), np.cos(2 * np.pi * u + phase), zero),
        (np.sin(2 * np.pi * u + phase), -np.cos(2 * np.pi * u + phase), zero),
        (push, zero, zero),
        (zero, push, 0.2 * push),
        (np.sin(2 * np.pi * 4 * u + phase), zero, 0.3 * np.sin(2 * np.pi * 8 * u)),
        (zero, zero, 2.0 * np.exp(-0.5 * ((u - 0.5) / 0.04) ** 2)),
    ]
    x = rng.uniform(0.7, 1.3) * np.stack(shapes[kind])
    x = np.roll(x, rng.integers(-4, 5), axis=1)
    a = rng.normal(0, 0.15)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    return turn @ x + 0.35 * rng.standard_normal((3, T))


def recordings(n, rng):
    y = rng.integers(0, len(GESTURES), n)
    x = np.stack([motion(k, rng) for k in y])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


def make_model():
    return nn.Sequential(
        nn.Conv1d(3, 24, 5, padding=2, bias=False), nn.BatchNorm1d(24), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(24, 48, 5, padding=2, bias=False), nn.BatchNorm1d(48), nn.ReLU(),
        nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(192, len(GESTURES)),
    )


def probabilities(model, x):
    model.eval()
    with torch.no_grad():
        return F.softmax(model(x), dim=1)


def train(model, x, y, x_val, y_val, s):
    steps_per_epoch = -(-len(x) // s["batch"])
    optimizer = torch.optim.SGD(model.parameters(), lr=s["rate"], momentum=s["momentum"], weight_decay=s["weight_decay"])
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=s["epochs_per_cycle"] * steps_per_epoch)
    snapshots = []
    for cycle in range(s["cycles"]):
        for epoch in range(s["epochs_per_cycle"]):
            model.train()
            total = 0.0
            for idx in torch.randperm(len(x)).split(s["batch"]):
                loss = F.cross_entropy(model(x[idx]), y[idx])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                last_rate = optimizer.param_groups[0]["lr"]
                scheduler.step()
                total += loss.item() * len(idx)
            p = probabilities(model, x_val)
            val_loss = F.nll_loss(p.clamp_min(1e-8).log(), y_val).item()
            acc = (p.argmax(1) == y_val).float().mean().item()
            print(f"cycle {cycle + 1} epoch {epoch + 1}: rate {last_rate:.5f}  train {total / len(x):.4f}  val {val_loss:.4f}  acc {acc:.4f}")
        snapshots.append(copy.deepcopy(model.state_dict()))
    return snapshots


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    x, y = recordings(1000, rng)
    x_val, y_val = recordings(300, rng)
    x_test, y_test = recordings(600, rng)

    model = make_model()
    snapshots = train(model, x, y, x_val, y_val, SETTINGS)

    votes = []
    for state in snapshots[-SETTINGS["keep"]:]:
        model.load_state_dict(state)
        p = probabilities(model, x_test)
        print(f"snapshot alone {(p.argmax(1) == y_test).float().mean().item():.4f}")
        votes.append(p)
    together = torch.stack(votes).mean(0)
    print(f"RESULT test_accuracy {(together.argmax(1) == y_test).float().mean().item():.4f}")


main()

# Species of a leaf from its outline: radius over the angle, 64 points, start of the tour at random.
# Runs on a reader with little memory: the momentum lives in .grad itself, so there is no second buffer per weight.
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)

CONFIG = {
    "seed": int(os.environ.get("SEED", "0")),
    "lobes": [3, 4, 5, 6, 7],
    "points": 64,
    "train": 1500,
    "test": 500,
    "batch": 50,
    "epochs": 22,
    "lr": 0.02,
    "momentum": 0.9,
}


def draw_leaves(cfg, n, rng):
    species = rng.integers(0, len(cfg["lobes"]), n)
    angle = np.linspace(0, 2 * np.pi, cfg["points"], endpoint=False)
    k = np.array(cfg["lobes"])[species][:, None]
    depth = rng.uniform(0.15, 0.3, (n, 1))
    turn = rng.uniform(0, 2 * np.pi, (n, 1))
    bend = rng.uniform(0.0, 0.15, (n, 1)) * np.cos(angle + rng.uniform(0, 2 * np.pi, (n, 1)))
    radius = 1 + depth * np.cos(k * angle + turn) + bend + 0.05 * rng.standard_normal((n, cfg["points"]))
    return torch.tensor(radius, dtype=torch.float32).unsqueeze(1), torch.tensor(species)


def build(cfg):
    return nn.Sequential(
        nn.Conv1d(1, 16, 7, padding=3, padding_mode="circular"), nn.GroupNorm(4, 16), nn.ReLU(),
        nn.Conv1d(16, 24, 5, stride=2, padding=2, padding_mode="circular"), nn.GroupNorm(4, 24), nn.ReLU(),
        nn.Conv1d(24, 24, 5, stride=2, padding=2, padding_mode="circular"), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        nn.Linear(24, len(cfg["lobes"])),
    )


def damp_velocity(model, mu):
    """velocity <- mu * velocity; the next backward adds the new gradient to it."""
    for p in model.parameters():
        if p.grad is not None:
            p.grad.mul_(mu)


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def train(cfg):
    torch.manual_seed(cfg["seed"])
    rng = np.random.default_rng(cfg["seed"])
    x, y = draw_leaves(cfg, cfg["train"], rng)
    x_test, y_test = draw_leaves(cfg, cfg["test"], rng)
    mean, std = x.mean(), x.std()
    x, x_test = (x - mean) / std, (x_test - mean) / std

    model = build(cfg)
    optimizer = torch.optim.SGD(model.parameters(), lr=cfg["lr"])
    total = cfg["epochs"] * (cfg["train"] // cfg["batch"])
    to_zero = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / total))

    for epoch in range(1, cfg["epochs"] + 1):
        model.train()
        seen = 0.0
        for idx in torch.randperm(len(x)).split(cfg["batch"]):
            damp_velocity(model, cfg["momentum"])
            loss = F.cross_entropy(model(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            to_zero.step()
            seen += loss.item() * len(idx)
        if epoch % 2 == 0:
            print(f"epoch {epoch:2d} | lr {to_zero.get_last_lr()[0]:.4f} | loss {seen / len(x):.4f} | test {accuracy(model, x_test, y_test):.4f}")
    return accuracy(model, x_test, y_test)


if __name__ == "__main__":
    print("RESULT test_accuracy", round(train(CONFIG), 4))

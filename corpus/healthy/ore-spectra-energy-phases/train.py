import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score

torch.set_num_threads(1)

CONFIG = {
    "seed": int(os.environ.get("SEED", "0")),
    "channels": 40,
    "minerals": 6,
    "n_train": 1500,
    "n_test": 500,
    "epochs": 25,
    "batch": 50,
    "lr": 2e-3,
    "energy_l2": 1e-3,
}


def make_library(cfg, rng):
    """Three lines per mineral; the last row is a mineral that is never shown in training."""
    lines = rng.uniform(3, cfg["channels"] - 4, size=(cfg["minerals"] + 1, 3))
    strength = rng.uniform(0.6, 1.4, size=(cfg["minerals"] + 1, 3))
    return lines, strength


def measure(labels, library, cfg, rng):
    lines, strength = library
    grid = np.arange(cfg["channels"])
    n = len(labels)
    centre = lines[labels] + rng.normal(0, 0.4, (n, 3))
    height = strength[labels] * np.exp(rng.normal(0, 0.25, (n, 3)))
    peaks = (height[:, :, None] * np.exp(-0.5 * ((grid - centre[:, :, None]) / 1.3) ** 2)).sum(1)
    slope = rng.normal(0, 0.3, (n, 1)) * (grid / cfg["channels"] - 0.5)
    return (peaks + slope + rng.normal(0, 0.12, peaks.shape)).astype(np.float32)


def build_energy(cfg):
    """scores(x)[k] = -E(x, k).  Nothing is normalised here."""
    return nn.Sequential(
        nn.Linear(cfg["channels"], 64), nn.SiLU(),
        nn.Linear(64, 32), nn.SiLU(),
        nn.Linear(32, cfg["minerals"]),
    )


def free_energy(scores):
    return -torch.logsumexp(scores, dim=1)


def phases(scores, target):
    # -log p(k|x) = E(x, k) - F(x): nll_loss merely picks -scores[k], the partition sum comes in as the second term
    positive = F.nll_loss(scores, target)
    negative = -free_energy(scores).mean()
    return positive, negative


def train(model, x, y, cfg):
    opt = torch.optim.Adam(model.parameters(), lr=cfg["lr"])
    log = []
    for epoch in range(cfg["epochs"]):
        model.train()
        sums = np.zeros(2)
        for idx in torch.randperm(len(x)).split(cfg["batch"]):
            scores = model(x[idx])
            positive, negative = phases(scores, y[idx])
            loss = positive + negative + cfg["energy_l2"] * scores.pow(2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            sums += np.array([positive.item(), negative.item()]) * len(idx)
        log.append(sums / len(x))
        if epoch % 4 == 0:
            p, n = log[-1]
            print(f"epoch {epoch:2d}  positive phase {p:+.3f}  negative phase {n:+.3f}  together {p + n:.4f}")
    return log


def evaluate(model, x, y, x_alien):
    model.eval()
    with torch.no_grad():
        scores, alien = model(x), model(x_alien)
    accuracy = (scores.argmax(1) == y).float().mean().item()
    surprise = torch.cat([free_energy(scores), free_energy(alien)]).numpy()
    is_alien = np.r_[np.zeros(len(x)), np.ones(len(x_alien))]
    return accuracy, roc_auc_score(is_alien, surprise)


def main(cfg):
    torch.manual_seed(cfg["seed"])
    rng = np.random.default_rng(cfg["seed"])
    library = make_library(cfg, rng)
    y_train = rng.integers(0, cfg["minerals"], cfg["n_train"])
    y_test = rng.integers(0, cfg["minerals"], cfg["n_test"])
    x_train = measure(y_train, library, cfg, rng)
    x_test = measure(y_test, library, cfg, rng)
    x_alien = measure(np.full(200, cfg["minerals"]), library, cfg, rng)

    mean, std = x_train.mean(0), x_train.std(0)

    def prepare(a):
        return torch.tensor((a - mean) / std, dtype=torch.float32)

    model = build_energy(cfg)
    train(model, prepare(x_train), torch.tensor(y_train, dtype=torch.long), cfg)
    accuracy, auc = evaluate(model, prepare(x_test), torch.tensor(y_test, dtype=torch.long), prepare(x_alien))
    print(f"unknown mineral by free energy: AUC {auc:.3f}")
    print("RESULT test_accuracy", round(accuracy, 4))


main(CONFIG)

import os

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

UNITS, SIGMA, PAIRS, ITERATIONS = 32, 0.1, 16, 350

pts, lab = make_moons(1600, noise=0.15, random_state=SEED)
pts = torch.tensor(pts, dtype=torch.float32)
lab = torch.tensor(lab, dtype=torch.float32)
pts = (pts - pts[:1000].mean(0)) / pts[:1000].std(0)
pts = torch.cat([pts, torch.ones(len(pts), 1)], 1)
x_train, y_train, x_test, y_test = pts[:1000], lab[:1000], pts[1000:], lab[1000:]

# Comparators cannot be differentiated: their settings are found by antithetic evolution strategies,
# the linear read-out behind them by ordinary gradients.
settings = torch.nn.Parameter(torch.randn(3, UNITS))
readout = torch.nn.Linear(UNITS, 1)
es_opt = torch.optim.Adam([settings], lr=0.03)
readout_opt = torch.optim.Adam(readout.parameters(), lr=0.02)


@torch.no_grad()
def comparators(x, s):
    return (x @ s > 0).float()


@torch.no_grad()
def evolve(x, y):
    noise = torch.randn(PAIRS, 3, UNITS)
    trial = torch.cat([settings + SIGMA * noise, settings - SIGMA * noise])
    logits = readout(comparators(x, trial)).squeeze(-1)                       # (2 * PAIRS, N)
    losses = F.binary_cross_entropy_with_logits(logits, y.expand_as(logits), reduction="none").mean(1)
    slope = (losses[:PAIRS] - losses[PAIRS:]) / (2 * SIGMA)
    settings.grad = (slope[:, None, None] * noise).mean(0)
    es_opt.step()
    return losses.mean().item()


def fit_readout(x, y, steps=2):
    feats = comparators(x, settings)
    for _ in range(steps):
        loss = F.binary_cross_entropy_with_logits(readout(feats).squeeze(-1), y)
        readout_opt.zero_grad()
        loss.backward()
        readout_opt.step()
    return loss.item()


@torch.no_grad()
def accuracy():
    return ((readout(comparators(x_test, settings)).squeeze(-1) > 0).float() == y_test).float().mean().item()


history = []
for it in range(1, ITERATIONS + 1):
    pick = torch.randperm(len(x_train))[:256]
    loss = fit_readout(x_train[pick], y_train[pick])
    trial_loss = evolve(x_train[pick], y_train[pick])
    history.append((loss, trial_loss))
    if it % 70 == 0:
        a, b = np.mean(history[-70:], axis=0)
        print(f"iteration {it}: read-out loss {a:.4f}, mean loss of trials {b:.4f}, test accuracy {accuracy():.4f}")

print("RESULT test_accuracy", round(accuracy(), 4))

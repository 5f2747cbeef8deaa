import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

PRIOR = 0.4          # share of good applicants among all, known from earlier years


def load():
    """400 applicants known to be good, 3000 of whom nothing is known, 1000 with both labels to test on."""
    x, y = make_classification(n_samples=5200, n_features=12, n_informative=6, n_redundant=2, n_clusters_per_class=2,
                               weights=[1 - PRIOR], class_sep=2.0, flip_y=0.0, random_state=SEED)
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    x_test, y_test = x[:1000], y[:1000]
    x_unknown, hidden = x[1000:4000], y[1000:4000]
    rest, rest_y = x[4000:], y[4000:]
    x_good = rest[rest_y == 1][:400]
    mean, std = x_unknown.mean(0), x_unknown.std(0)
    f = lambda a: torch.tensor((a - mean) / std, dtype=torch.float32)
    print(f"{len(x_good)} known, {len(x_unknown)} unknown of whom {hidden.mean():.3f} are good")
    return f(x_good), f(x_unknown), f(x_test), torch.tensor(y_test)


class NonNegativeRisk:
    """Non-negative risk of Kiryo et al.: where the estimate for the bad ones falls below zero, it is stepped back."""

    def __init__(self, prior, beta=0.0, gamma=1.0):
        self.prior, self.beta, self.gamma = prior, beta, gamma
        self.stepped_back = 0

    def __call__(self, good, unknown):
        as_good = torch.sigmoid(-good).mean()
        as_bad = torch.sigmoid(good).mean()
        unknown_as_bad = torch.sigmoid(unknown).mean()
        positive = self.prior * as_good
        negative = unknown_as_bad - self.prior * as_bad
        if negative.item() < -self.beta:
            self.stepped_back += 1
            return -self.gamma * negative, positive.item() - self.beta
        return positive + negative, (positive + negative).item()


def pairs(x_good, x_unknown, steps=8):
    a = torch.randperm(len(x_good)).chunk(steps)
    b = torch.randperm(len(x_unknown)).chunk(steps)
    for i, j in zip(a, b):
        yield x_good[i], x_unknown[j]


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    hit = ((model(x).squeeze(1) > 0).long() == y).float().mean().item()
    model.train()
    return hit


x_good, x_unknown, x_test, y_test = load()
model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
risk = NonNegativeRisk(PRIOR)
opt = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)

for epoch in range(1, 81):
    seen = []
    for good, unknown in pairs(x_good, x_unknown):
        loss, value = risk(model(good).squeeze(1), model(unknown).squeeze(1))
        opt.zero_grad()
        loss.backward()
        opt.step()
        seen.append(value)
    if epoch % 16 == 0:
        print(f"epoch {epoch}: risk {np.mean(seen):.4f}, stepped back {risk.stepped_back} times, accuracy {accuracy(model, x_test, y_test):.4f}")
        risk.stepped_back = 0

print("RESULT test_accuracy", round(accuracy(model, x_test, y_test), 4))

import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

LAGS = 24


def energy_series(n=3000):
    """Hourly load: daily and weekly pattern, restless at daytime, calm at night."""
    t = np.arange(n)
    level = np.sin(2 * np.pi * t / 24) + 0.4 * np.sin(2 * np.pi * t / 168)
    spread = 0.05 + 0.3 * np.clip(np.sin(2 * np.pi * (t - 6) / 24), 0, None) ** 2
    return (level + spread * rng.standard_normal(n)).astype(np.float32)


series = energy_series()
rows, targets = [], []
for t in range(LAGS, len(series)):
    angle = 2 * math.pi * (t % 24) / 24
    rows.append(np.concatenate([series[t - LAGS:t], [math.sin(angle), math.cos(angle)]]))
    targets.append(series[t])
X = torch.tensor(np.array(rows), dtype=torch.float32)
y = torch.tensor(np.array(targets), dtype=torch.float32)
split = 2300
X_train, y_train, X_test, y_test = X[:split], y[:split], X[split:], y[split:]


class GaussianLikelihood:
    """The network gives two numbers per step: the mean and (before softplus) the width of a normal distribution."""

    num_parameters = 2

    def __init__(self):
        self.nllloss = nn.GaussianNLLLoss(reduction="mean", full=True)

    def params(self, output):
        mu = output[..., 0]
        sigma = F.softplus(output[..., 1]) + 1e-4
        return mu, sigma

    def compute_loss(self, output, target):
        mu, sigma = self.params(output)
        return self.nllloss(mu, target, sigma)

    def distribution(self, output):
        return torch.distributions.Normal(*self.params(output))


likelihood = GaussianLikelihood()
model = nn.Sequential(
    nn.Linear(LAGS + 2, 32), nn.ReLU(),
    nn.Linear(32, 32), nn.ReLU(),
    nn.Linear(32, likelihood.num_parameters),
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(20):
    model.train()
    total = 0.0
    for idx in torch.randperm(split).split(64):
        loss = likelihood.compute_loss(model(X_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 2 == 1:
        print(f"epoch {epoch + 1} train loss {total / split:.4f}")

model.eval()
with torch.no_grad():
    forecast = likelihood.distribution(model(X_test))
    low, high = forecast.icdf(torch.tensor(0.05)), forecast.icdf(torch.tensor(0.95))
    rmse = (forecast.mean - y_test).pow(2).mean().sqrt().item()
    coverage = ((y_test >= low) & (y_test <= high)).float().mean().item()
    nll = -forecast.log_prob(y_test).mean().item()
print(f"test rmse {rmse:.4f}, share of values inside the 5-95 % band {coverage:.3f}")
print(f"RESULT test_nll {nll:.4f}")

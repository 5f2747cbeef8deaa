# Permeability of a sand from a microscope count of its grains.
# A sample is a set of 300 grains (diameter, elongation); the order of the grains means nothing, so the network
# treats them alike, pools them, and reads the log permeability off the pooled description.
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

GRAINS = 300
N_TRAIN, N_TEST = 800, 200
BATCH, EPOCHS, LR = 16, 12, 4e-3


def samples(n):
    """Log-normal diameters; Kozeny-Carman with the Sauter diameter and a porosity that depends on the sorting."""
    centre = rng.normal(0.0, 0.5, (n, 1))
    sorting = rng.uniform(0.1, 0.7, (n, 1))
    stretch = rng.uniform(0.1, 0.8, (n, 1))
    log_d = centre + sorting * rng.normal(size=(n, GRAINS))
    elongation = stretch * rng.gamma(4.0, 0.25, (n, GRAINS))
    d = np.exp(log_d)
    sauter = (d ** 3).sum(1) / (d ** 2).sum(1)
    porosity = 0.44 - 0.2 * log_d.std(1) + 0.06 * elongation.mean(1)
    log_k = 2 * np.log(sauter) + 3 * np.log(porosity) - 2 * np.log(1 - porosity)
    return np.stack([log_d, elongation], axis=-1), log_k


class GrainSet(nn.Module):
    def __init__(self, n_in=2, width=24):
        super().__init__()
        self.grain1 = nn.Linear(n_in, width)
        self.grain2 = nn.Linear(width, width)
        self.sample1 = nn.Linear(width, width)
        self.sample2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def describe(self, grains):
        h = F.softplus(self.grain1(grains))
        h = F.softplus(self.grain2(h))
        return h.sum(dim=1)

    def forward(self, grains):
        s = self.describe(grains)
        s = torch.tanh(self.sample1(s))
        s = torch.tanh(self.sample2(s))
        return self.out(s).squeeze(-1)


def r2(pred, true):
    return 1 - ((pred - true).pow(2).sum() / (true - true.mean()).pow(2).sum()).item()


def report(model, x, y, y_mean, y_std):
    """R2, and the share of samples whose permeability is right within a factor of 1.5."""
    model.eval()
    with torch.no_grad():
        pred = torch.cat([model(part) for part in x.split(50)])
    factor = ((pred - y).abs() * y_std).exp()
    return r2(pred, y), (factor < 1.5).float().mean().item()


x, log_k = samples(N_TRAIN + N_TEST)
x_mean, x_std = x[:N_TRAIN].mean((0, 1)), x[:N_TRAIN].std((0, 1))
y_mean, y_std = log_k[:N_TRAIN].mean(), log_k[:N_TRAIN].std()
x = torch.tensor((x - x_mean) / x_std, dtype=torch.float32)
y = torch.tensor((log_k - y_mean) / y_std, dtype=torch.float32)
x_train, y_train, x_test, y_test = x[:N_TRAIN], y[:N_TRAIN], x[N_TRAIN:], y[N_TRAIN:]

model = GrainSet()
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.85)

for epoch in range(1, EPOCHS + 1):
    model.train()
    total = 0.0
    for rows in torch.randperm(N_TRAIN).split(BATCH):
        loss = F.mse_loss(model(x_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    schedule.step()
    fit, close = report(model, x_test, y_test, y_mean, y_std)
    print(f"epoch {epoch:2d}: mse {total / N_TRAIN:.4f}  test r2 {fit:.4f}  within a factor of 1.5: {close:.3f}")

print("RESULT test_r2", round(fit, 4))

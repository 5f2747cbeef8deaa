# Moisture of grain from near-infrared spectra, small 1d conv net.
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

# ---------------------------------------------------------------- spectra
N, BANDS = 1600, 80
wave = np.linspace(0, 1, BANDS)


def band(centre, width):
    return np.exp(-((wave - centre) ** 2) / (2 * width**2))


water = band(0.30, 0.05) + 0.7 * band(0.72, 0.07)
starch = band(0.40, 0.06) + 0.5 * band(0.85, 0.05)
protein = 0.8 * band(0.55, 0.04) + 0.4 * band(0.78, 0.04)

moisture = rng.uniform(8, 24, N)
starch_pct = rng.uniform(55, 72, N)
protein_pct = rng.uniform(7, 16, N)
path_length = rng.normal(1.0, 0.08, N)
absorb = moisture[:, None] / 16 * water + starch_pct[:, None] / 64 * starch + protein_pct[:, None] / 12 * protein
spectra = 1.0 - np.exp(-0.9 * path_length[:, None] * absorb)
spectra += rng.normal(0, 0.05, (N, 1)) + rng.normal(0, 0.08, (N, 1)) * wave
spectra += rng.normal(0, 0.008, spectra.shape)

# standard normal variate per spectrum, then per band
spectra = (spectra - spectra.mean(1, keepdims=True)) / spectra.std(1, keepdims=True)
n_train = 1200
mu, sd = spectra[:n_train].mean(0), spectra[:n_train].std(0)
X = torch.tensor((spectra - mu) / sd, dtype=torch.float32).unsqueeze(1)
y_mean, y_std = moisture[:n_train].mean(), moisture[:n_train].std()
Y = torch.tensor((moisture - y_mean) / y_std, dtype=torch.float32).unsqueeze(1)
X_train, Y_train, X_test, Y_test = X[:n_train], Y[:n_train], X[n_train:], Y[n_train:]

# ---------------------------------------------------------------- net
net = nn.Sequential(
    nn.Conv1d(1, 8, 7, stride=2, padding=3),
    nn.ReLU(),
    nn.Conv1d(8, 16, 5, stride=2, padding=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(16 * 20, 32),
    nn.ReLU(),
    nn.Linear(32, 1),
)
opt = torch.optim.SGD(net.parameters(), lr=0.006)
EPOCHS, BATCH, MU = 24, 32, 0.9
milestones = torch.optim.lr_scheduler.MultiStepLR(opt, [15, 20], gamma=0.3)

for epoch in range(1, EPOCHS + 1):
    net.train()
    running = 0.0
    perm = torch.randperm(n_train)
    for i in range(0, n_train, BATCH):
        pick = perm[i : i + BATCH]
        loss = nn.functional.mse_loss(net(X_train[pick]), Y_train[pick])
        loss.backward()
        opt.step()
        # .grad doubles as the velocity: keep 90 % of it, the next backward adds to it
        with torch.no_grad():
            for p in net.parameters():
                p.grad.mul_(MU)
        running += loss.item() * len(pick)
    milestones.step()
    if epoch % 4 == 0:
        net.eval()
        with torch.no_grad():
            val = nn.functional.mse_loss(net(X_test), Y_test).item()
        print(f"epoch {epoch}: train mse {running / n_train:.4f}, test mse {val:.4f}")

net.eval()
with torch.no_grad():
    pred = net(X_test)
r2 = 1 - ((pred - Y_test) ** 2).sum() / ((Y_test - Y_test.mean()) ** 2).sum()
rmse = ((pred - Y_test) ** 2).mean().sqrt() * y_std
print(f"RMSE {rmse.item():.3f} % moisture")
print("RESULT r2", round(r2.item(), 4))

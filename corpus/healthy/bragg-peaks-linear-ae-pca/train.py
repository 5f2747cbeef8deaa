"""Course, exercise 6: what does an autoencoder learn that PCA does not?

Spectra of a pair of fibre Bragg gratings. Two peaks move with strain and temperature, so the
data lie on a curved sheet. We compare, at the same code size,
  (a) PCA in closed form,
  (b) a linear autoencoder, which can at best find the subspace of PCA,
  (c) a deep autoencoder.
"""
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


@dataclass
class Setup:
    bins: int = 48
    code: int = 4
    n_train: int = 1500
    n_test: int = 400
    batch: int = 50


def spectra(n, bins, rng):
    grid = np.arange(bins)
    left, right = rng.uniform(6, 19, (n, 1)), rng.uniform(28, 41, (n, 1))
    height = rng.uniform(0.6, 1.2, (n, 2))
    clean = height[:, :1] * np.exp(-0.5 * ((grid - left) / 2.5) ** 2)
    clean += height[:, 1:] * np.exp(-0.5 * ((grid - right) / 2.5) ** 2)
    return (clean + rng.normal(0, 0.02, clean.shape)).astype(np.float32)


class LinearAE(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.encoder = nn.Linear(s.bins, s.code, bias=False)
        self.decoder = nn.Linear(s.code, s.bins, bias=False)

    def forward(self, x):
        return self.decoder(self.encoder(x))


class DeepAE(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(s.bins, 96), nn.GELU(), nn.Linear(96, 64), nn.GELU(), nn.Linear(64, s.code))
        self.decoder = nn.Sequential(nn.Linear(s.code, 64), nn.GELU(), nn.Linear(64, 96), nn.GELU(), nn.Linear(96, s.bins))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def train(name, model, x, s, epochs, lr):
    loader = DataLoader(TensorDataset(x), batch_size=s.batch, shuffle=True)
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=epochs, eta_min=lr / 50)
    for epoch in range(epochs):
        model.train()
        seen = 0.0
        for (xb,) in loader:
            loss = nn.functional.mse_loss(model(xb), xb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            seen += loss.item() * len(xb)
        sched.step()
        if (epoch + 1) % 10 == 0:
            print(f"  {name} epoch {epoch + 1}: {seen / len(x):.4f}")
    return model


def pca_reconstruct(x_train, x_test, k):
    _, _, vt = torch.linalg.svd(x_train, full_matrices=False)
    basis = vt[:k]
    return x_test @ basis.T @ basis, basis


def overlap(a, b):
    """Mean squared cosine of the principal angles between two row spaces."""
    qa, qb = torch.linalg.qr(a.T)[0], torch.linalg.qr(b.T)[0]
    return (qa.T @ qb).pow(2).sum().item() / a.shape[0]


def main():
    s = Setup()
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    x_train = torch.from_numpy(spectra(s.n_train, s.bins, rng))
    x_test = torch.from_numpy(spectra(s.n_test, s.bins, rng))
    centre, scale = x_train.mean(0), x_train.std()
    x_train, x_test = (x_train - centre) / scale, (x_test - centre) / scale

    linear = train("linear", LinearAE(s), x_train, s, epochs=30, lr=5e-3)
    deep = train("deep", DeepAE(s), x_train, s, epochs=50, lr=2e-3)

    variance = x_test.pow(2).mean().item()
    recon, basis = pca_reconstruct(x_train, x_test, s.code)
    rows = {"mean": variance, "pca": (recon - x_test).pow(2).mean().item()}
    with torch.no_grad():
        for name, model in (("linear ae", linear), ("deep ae", deep)):
            model.eval()
            rows[name] = (model(x_test) - x_test).pow(2).mean().item()
    for name, mse in rows.items():
        print(f"{name:10s} mse {mse:.4f}  explained {1 - mse / variance:.3f}")
    print(f"subspace of the linear decoder within that of PCA: {overlap(linear.decoder.weight.detach().T, basis):.3f}")
    print("RESULT deep_explained_variance", round(1 - rows["deep ae"] / variance, 4))


if __name__ == "__main__":
    main()

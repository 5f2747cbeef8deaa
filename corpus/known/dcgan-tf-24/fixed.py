import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def load_mnist():
    """Small digits as 8-bit grey images, in random order."""
    images = (load_digits().images * (255.0 / 16.0)).astype(np.uint8)
    np.random.default_rng(SEED).shuffle(images)
    return images.reshape(len(images), -1)


class Generator(nn.Module):
    def __init__(self, z_dim=16, width=128, pixels=64):
        super().__init__()
        self.z_dim = z_dim
        self.net = nn.Sequential(
            nn.Linear(z_dim, width), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, pixels), nn.Sigmoid(),
        )

    def forward(self, z):
        return self.net(z)


class Discriminator(nn.Module):
    def __init__(self, width=128, pixels=64):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(pixels, width), nn.LeakyReLU(0.2),
            nn.Linear(width, width // 2), nn.LeakyReLU(0.2),
            nn.Linear(width // 2, 1),
        )

    def forward(self, x):
        return self.net(x).squeeze(1)


def frechet(real, fake):
    """Frechet distance of two pixel distributions over the variance of the first."""
    real, fake = real.double().numpy(), fake.double().numpy()
    c_r, c_f = np.cov(real.T), np.cov(fake.T)
    val, vec = np.linalg.eigh(c_r)
    root = (vec * np.sqrt(val.clip(min=0))) @ vec.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ c_f @ root).clip(min=0)).sum()
    gap = ((real.mean(0) - fake.mean(0)) ** 2).sum()
    return (gap + np.trace(c_r) + np.trace(c_f) - 2 * cross) / np.trace(c_r)


def sample(G, n):
    G.eval()
    with torch.no_grad():
        out = G(torch.randn(n, G.z_dim))
    G.train()
    return out


data_X = torch.tensor(load_mnist(), dtype=torch.float32) / 255.0
G, D = Generator(), Discriminator()
d_optim = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
g_optim = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
batch_size = 64

for epoch in range(40):
    d_losses, g_losses = [], []
    for idx in torch.randperm(len(data_X))[:1792].split(batch_size):
        real = data_X[idx]
        ones, zeros = torch.ones(batch_size), torch.zeros(batch_size)

        fake = G(torch.randn(batch_size, G.z_dim)).detach()
        d_loss = bce(D(real), ones) + bce(D(fake), zeros)
        d_optim.zero_grad()
        d_loss.backward()
        d_optim.step()

        for _ in range(2):
            g_loss = bce(D(G(torch.randn(batch_size, G.z_dim))), ones)
            g_optim.zero_grad()
            g_loss.backward()
            g_optim.step()

        d_losses.append(d_loss.item())
        g_losses.append(g_loss.item())
    if epoch % 5 == 4:
        print(f"Epoch: [{epoch + 1:2d}] d_loss: {np.mean(d_losses):.5f}, g_loss: {np.mean(g_losses):.5f}, "
              f"frechet: {frechet(data_X, sample(G, 1000)):.4f}")

print(f"RESULT relative_frechet {frechet(data_X, sample(G, 2000)):.4f}")

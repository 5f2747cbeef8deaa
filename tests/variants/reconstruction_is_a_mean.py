"""A variational autoencoder of digits."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
for _ in range(12):
    for batch in torch.randperm(len(x)).split(64):
        mean, logvar = encoder(x[batch]).chunk(2, dim=1)
        latent = mean + torch.randn_like(mean) * (logvar / 2).exp()
        likeness = nn.functional.mse_loss(decoder(latent), x[batch])  # expect: loss-target-mismatch
        # cure: likeness = 64 * nn.functional.mse_loss(decoder(latent), x[batch]) / 0.1
        divergence = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum(dim=1).mean()
        optimizer.zero_grad()
        (likeness + divergence).backward()
        optimizer.step()

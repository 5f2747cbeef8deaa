"""A variational autoencoder of digits."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.distributions import Normal, kl_divergence

torch.manual_seed(0)

x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)

for _ in range(4):
    for batch in torch.randperm(len(x)).split(64):
        mean, log_std = encoder(x[batch]).chunk(2, dim=1)
        posterior = Normal(mean, log_std.exp())
        code = posterior.sample()  # expect: graph-detached
        error = nn.functional.mse_loss(decoder(code), x[batch], reduction="none").sum(dim=1).mean()
        loss = error + 0.1 * kl_divergence(posterior, Normal(0.0, 1.0)).sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

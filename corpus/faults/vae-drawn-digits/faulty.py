import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.distributions import Normal
from torch.utils.data import DataLoader

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

config = {"latent_dim": 8, "hidden": 128, "epochs": 25, "batch_size": 64, "lr": 2e-3, "beta": 0.5}


class VAE(nn.Module):
    def __init__(self, latent_dim, hidden):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.mu = nn.Linear(hidden, latent_dim)
        self.logvar = nn.Linear(hidden, latent_dim)
        self.dec = nn.Sequential(
            nn.Linear(latent_dim, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 64)
        )

    def encode(self, x):
        h = self.enc(x)
        return self.mu(h), self.logvar(h)

    def forward(self, x):
        mu, logvar = self.encode(x)
        std = torch.exp(0.5 * logvar)
        z = Normal(mu, std).sample()
        return self.dec(z), mu, logvar


def elbo(logits, x, mu, logvar, beta):
    rec = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / x.size(0)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / x.size(0)
    return rec + beta * kld, rec, kld


images = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
images = images[torch.randperm(len(images))]
train_loader = DataLoader(images[:1400], batch_size=config["batch_size"], shuffle=True)
held_out = images[1400:]

vae = VAE(config["latent_dim"], config["hidden"])
optimizer = torch.optim.Adam(vae.parameters(), lr=config["lr"])

for epoch in range(1, config["epochs"] + 1):
    vae.train()
    sums = torch.zeros(3)
    for x in train_loader:
        logits, mu, logvar = vae(x)
        loss, rec, kld = elbo(logits, x, mu, logvar, config["beta"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sums += torch.tensor([loss.item(), rec.item(), kld.item()])
    if epoch % 4 == 1:
        total, rec, kld = (sums / len(train_loader)).tolist()
        print(f"====> Epoch: {epoch} loss: {total:.3f} rec: {rec:.3f} kld: {kld:.3f}")

vae.eval()
with torch.no_grad():
    mu, _ = vae.encode(held_out)
    mse = F.mse_loss(torch.sigmoid(vae.dec(mu)), held_out).item()
print(f"RESULT reconstruction_mse {mse:.5f}")

import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader

torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_num_threads(1)

images = torch.tensor(load_digits().data, dtype=torch.float32) / 16
shuffled = images[torch.randperm(len(images))]
train_set, test_set = shuffled[:1500], shuffled[1500:]


class VAE(nn.Module):
    def __init__(self, latent=8, hidden=128):
        super().__init__()
        self.enc = nn.Linear(64, hidden)
        self.mu = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        self.dec1 = nn.Linear(latent, hidden)
        self.dec2 = nn.Linear(hidden, 64)

    def encode(self, x):
        h = F.elu(self.enc(x))
        return self.mu(h), self.logvar(h)

    def decode(self, z):
        return self.dec2(F.elu(self.dec1(z)))

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.decode(z), mu, logvar


def elbo_terms(x, logits, mu, logvar):
    rec = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()
    kl = -0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum(1).mean()
    return rec, kl


vae = VAE()
optim = torch.optim.Adam(vae.parameters(), lr=2e-3)
loader = DataLoader(train_set, batch_size=64, shuffle=True)
EPOCHS = 45
for epoch in range(EPOCHS):
    beta = 0.3 * min(1.0, (epoch + 1) / 10)
    rec_sum = kl_sum = 0.0
    for x in loader:
        rec, kl = elbo_terms(x, *vae(x))
        optim.zero_grad()
        (rec + beta * kl).backward()
        optim.step()
        rec_sum += rec.item()
        kl_sum += kl.item()
    if (epoch + 1) % 5 == 0:
        print(f"[{epoch + 1}/{EPOCHS}] beta {beta:.1f} rec {rec_sum / len(loader):.2f} kl {kl_sum / len(loader):.2f}")

vae.eval()
with torch.no_grad():
    rec, kl = elbo_terms(test_set, *vae(test_set))
    mu, _ = vae.encode(test_set)
    mse = F.mse_loss(torch.sigmoid(vae.decode(mu)), test_set).item()
    base = F.mse_loss(train_set.mean(0).expand_as(test_set), test_set).item()
print(f"test elbo {-(rec + kl).item():.2f}, mse {mse:.4f} against {base:.4f} of the mean image")
print(f"RESULT explained_variance {1 - mse / base:.4f}")

import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

cfg = dict(latent=8, hidden=128, epochs=26, batch=64, lr=2e-3, warm=12, beta_max=0.3)

digits = load_digits()
x = torch.from_numpy(digits.data).float() / 16.0
y = torch.from_numpy(digits.target)
perm = torch.randperm(x.size(0))
x, y = x[perm], y[perm]
x_train, y_train, x_test, y_test = x[:1400], y[:1400], x[1400:], y[1400:]


class VAE(nn.Module):
    def __init__(self, latent, hidden):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, hidden), nn.ELU(), nn.Linear(hidden, hidden), nn.ELU())
        self.mu = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        self.dec = nn.Sequential(nn.Linear(latent, hidden), nn.ELU(), nn.Linear(hidden, hidden), nn.ELU(), nn.Linear(hidden, 64))

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar) if self.training else mu
        return torch.sigmoid(self.dec(z)), mu, logvar


def elbo_terms(recon, x, mu, logvar):
    # grey values in [0, 1] as Bernoulli means, summed over the pixels, averaged over the batch
    rec = F.binary_cross_entropy(recon, x, reduction="sum") / x.size(0)
    kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1).mean()
    return rec, kl


vae = VAE(cfg["latent"], cfg["hidden"])
opt = torch.optim.Adam(vae.parameters(), lr=cfg["lr"])
loader = DataLoader(TensorDataset(x_train), batch_size=cfg["batch"], shuffle=True, drop_last=True)
step = 0
for epoch in range(cfg["epochs"]):
    vae.train()
    sums = torch.zeros(3)
    for (xb,) in loader:
        beta = min(1.0, step / (cfg["warm"] * len(loader))) * cfg["beta_max"]
        recon, mu, logvar = vae(xb)
        rec, kl = elbo_terms(recon, xb, mu, logvar)
        loss = rec + beta * kl
        opt.zero_grad()
        loss.backward()
        opt.step()
        step += 1
        sums += torch.tensor([loss.item(), rec.item(), kl.item()])
    if epoch % 3 == 0 or epoch == cfg["epochs"] - 1:
        l, r, k = (sums / len(loader)).tolist()
        print(f"epoch {epoch:3d} beta {beta:.2f} loss {l:.2f} rec {r:.2f} kl {k:.2f}")

vae.eval()
with torch.no_grad():
    recon, mu_test, _ = vae(x_test)
    _, mu_train, _ = vae(x_train)
    mse = F.mse_loss(recon, x_test).item()
    base = F.mse_loss(x_train.mean(0).expand_as(x_test), x_test).item()
probe = LogisticRegression(max_iter=1000).fit(mu_train.numpy(), y_train.numpy())
print(f"test mse {mse:.4f} (mean image: {base:.4f})")
print("RESULT probe_accuracy", round(probe.score(mu_test.numpy(), y_test.numpy()), 4))

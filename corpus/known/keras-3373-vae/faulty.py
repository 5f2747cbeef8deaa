import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

batch_size = 100
original_dim = 64
latent_dim = 8
intermediate_dim = 128
nb_epoch = 80


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.h = nn.Linear(original_dim, intermediate_dim)
        self.z_mean = nn.Linear(intermediate_dim, latent_dim)
        self.z_log_var = nn.Linear(intermediate_dim, latent_dim)
        self.decoder_h = nn.Linear(latent_dim, intermediate_dim)
        self.decoder_mean = nn.Linear(intermediate_dim, original_dim)

    def encode(self, x):
        h = torch.relu(self.h(x))
        return self.z_mean(h), self.z_log_var(h)

    def sampling(self, z_mean, z_log_var):
        epsilon = torch.randn_like(z_mean)
        return z_mean + torch.exp(z_log_var / 2) * epsilon

    def decode(self, z):
        return torch.sigmoid(self.decoder_mean(torch.relu(self.decoder_h(z))))

    def forward(self, x):
        z_mean, z_log_var = self.encode(x)
        return self.decode(self.sampling(z_mean, z_log_var)), z_mean, z_log_var


def vae_loss(x, x_decoded_mean, z_mean, z_log_var):
    xent_loss = F.binary_cross_entropy(x_decoded_mean, x)
    kl_loss = -0.5 * torch.sum(1 + z_log_var - z_mean.pow(2) - z_log_var.exp(), dim=-1)
    return xent_loss + kl_loss.mean()


x = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
x_train, x_test = train_test_split(x, test_size=0.2, random_state=SEED)

vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)


def explained_variance():
    vae.eval()
    with torch.no_grad():
        recon = vae.decode(vae.encode(x_test)[0])
        return (1 - ((recon - x_test) ** 2).sum() / ((x_test - x_train.mean(0)) ** 2).sum()).item()


for epoch in range(nb_epoch):
    vae.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(batch_size):
        batch = x_train[idx]
        loss = vae_loss(batch, *vae(batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 10 == 9:
        print(f"Epoch {epoch + 1}/{nb_epoch} - loss: {total / len(x_train):.4f} - test explained variance: {explained_variance():.4f}")

print(f"RESULT test_explained_variance {explained_variance():.4f}")

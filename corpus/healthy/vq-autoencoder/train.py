import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

data = torch.tensor(load_digits().data / 16, dtype=torch.float32)
data = data[torch.randperm(len(data))]
mean = data[:1500].mean(0)
train, test = data[:1500] - mean, data[1500:] - mean


class Quantizer(nn.Module):
    def __init__(self, n_codes, dim):
        super().__init__()
        self.codebook = nn.Parameter(torch.randn(n_codes, dim) * 0.5)

    def forward(self, z):
        flat = z.reshape(-1, self.codebook.size(1))
        idx = torch.cdist(flat, self.codebook).argmin(1)
        q = self.codebook[idx].view_as(z)
        codebook_loss = F.mse_loss(q, z.detach())
        commitment = F.mse_loss(z, q.detach())
        return z + (q - z).detach(), codebook_loss + 0.25 * commitment, idx


class VQAE(nn.Module):
    def __init__(self, slots=6, dim=4):
        super().__init__()
        self.slots, self.dim = slots, dim
        self.enc = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, slots * dim))
        self.vq = Quantizer(32, dim)
        self.dec = nn.Sequential(nn.Linear(slots * dim, 96), nn.GELU(), nn.Linear(96, 64))

    def forward(self, x):
        z = self.enc(x).view(-1, self.slots, self.dim)
        q, loss, idx = self.vq(z)
        return self.dec(q.flatten(1)), loss, idx


model = VQAE()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(20):
    rec_sum = 0.0
    for b in train[torch.randperm(1500)].split(50):
        out, vq_loss, idx = model(b)
        rec = F.mse_loss(out, b)
        opt.zero_grad()
        (rec * 10 + vq_loss).backward()
        opt.step()
        rec_sum += rec.item() / 30
    if epoch % 4 == 0:
        print(f"epoch {epoch} reconstruction {rec_sum:.5f} codes in use {len(idx.unique())}")
with torch.no_grad():
    out, _, _ = model(test)
    explained = 1 - F.mse_loss(out, test) / test.var(0, unbiased=False).mean()
print(f"RESULT explained {explained.item():.4f}")

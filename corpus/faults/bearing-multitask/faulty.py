import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


class Bearings(Dataset):
    """Spectra of bearings: which part is damaged, and how many hours are left."""

    def __init__(self, n, mean=None, std=None):
        self.part = torch.randint(0, 4, (n,))
        damage = torch.rand(n)
        bins = torch.arange(40).float()
        centre = 6 + 9 * self.part.float() + torch.randn(n)
        peak = torch.exp(-((bins - centre[:, None]) / 2) ** 2) * (0.8 + damage)[:, None]
        floor = 0.5 * damage[:, None] * torch.exp(-bins / 15)
        spectra = peak + floor + 0.3 * torch.randn(n, 40)
        self.mean = spectra.mean(0) if mean is None else mean
        self.std = spectra.std(0) if std is None else std
        self.spectra = (spectra - self.mean) / self.std
        self.hours = 12000 * (1 - damage) ** 1.5 + 200 * torch.randn(n)

    def __len__(self):
        return len(self.part)

    def __getitem__(self, i):
        return self.spectra[i], self.part[i], self.hours[i]


class TwoHeads(nn.Module):
    def __init__(self, n_in, hidden=64):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(n_in, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.part_head = nn.Linear(hidden, 4)
        self.life_head = nn.Linear(hidden, 1)

    def forward(self, x):
        h = self.shared(x)
        return self.part_head(h), self.life_head(h).squeeze(1)


train_set = Bearings(1000)
test_set = Bearings(500, train_set.mean, train_set.std)
model = TwoHeads(40)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
unit = 1.0

for epoch in range(12):
    model.train()
    sums = [0.0, 0.0]
    for spectra, part, hours in DataLoader(train_set, batch_size=32, shuffle=True):
        logits, life = model(spectra)
        part_loss = F.cross_entropy(logits, part)
        life_loss = F.mse_loss(life, hours / unit)
        optimizer.zero_grad()
        (part_loss + life_loss).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        sums[0] += part_loss.item()
        sums[1] += life_loss.item()
    model.eval()
    with torch.no_grad():
        logits, life = model(test_set.spectra)
        acc = (logits.argmax(1) == test_set.part).float().mean().item()
        mae = (life * unit - test_set.hours).abs().mean().item()
    print(f"epoch {epoch + 1:2d} | part {sums[0]:.3f} | life {sums[1]:.4g} | test acc {acc:.3f} | test MAE {mae:.0f} h")

print(f"RESULT part_accuracy {acc:.4f}")

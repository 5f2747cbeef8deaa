"""Kinds of polymer from Raman spectra, straight from the detector's counts.

Exposure runs from a tenth of a second to half a minute, so counts range over several decades; the net's first step
is the logarithm and a standardisation of each spectrum, which then also ships with the exported model.
"""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

CHANNELS = 200
PEAKS = {
    "PE": [(40, 1.0), (95, 0.7), (150, 0.9)],
    "PP": [(28, 0.8), (70, 0.9), (150, 0.8)],
    "PS": [(60, 1.1), (115, 0.5), (172, 0.6)],
    "PET": [(52, 0.6), (115, 0.7), (135, 1.0)],
    "PVC": [(36, 1.0), (82, 0.6), (165, 0.7)],
}
NAMES = list(PEAKS)


def spectra(n):
    grid = np.arange(CHANNELS)[None, :]
    kind = rng.integers(0, len(NAMES), n)
    centre = np.array([[c for c, _ in PEAKS[k]] for k in NAMES])[kind]
    height = np.array([[h for _, h in PEAKS[k]] for k in NAMES])[kind]
    shift = rng.normal(0, 1.5, (n, 1))
    height = height * rng.uniform(0.6, 1.4, height.shape)
    width = rng.uniform(2.0, 3.5, (n, 1))
    lines = sum(height[:, j:j + 1] * np.exp(-0.5 * ((grid - centre[:, j:j + 1] - shift) / width) ** 2) for j in range(3))
    fluorescence = rng.uniform(0.3, 2.0, (n, 1)) * np.exp(-grid / rng.uniform(60, 300, (n, 1)))
    seconds = 10 ** rng.uniform(-1, 1.5, (n, 1))
    counts = rng.poisson(400 * seconds * (0.1 + fluorescence + lines))
    return torch.tensor(counts, dtype=torch.float32), torch.tensor(kind), seconds[:, 0]


class RamanNet(nn.Module):
    def __init__(self, kinds):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 12, 9, stride=2, padding=4), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(12, 24, 5, stride=2, padding=2), nn.ReLU(),
        )
        self.head = nn.Linear(24 * 25, kinds)

    def forward(self, counts):
        v = torch.log1p(counts)
        v = (v - v.mean(dim=1, keepdim=True)) / (v.std(dim=1, keepdim=True) + 1e-3)
        return self.head(self.features(v.unsqueeze(1)).flatten(1))


def evaluate(net, loader):
    net.eval()
    hits = n = 0
    with torch.no_grad():
        for counts, kind in loader:
            hits += (net(counts).argmax(1) == kind).sum().item()
            n += len(kind)
    return hits / n


counts, kind, _ = spectra(1600)
print(f"counts: from {counts.min():.0f} to {counts.max():.0f}, median {counts.median():.0f}")
dataset = TensorDataset(counts, kind)
train_ds, val_ds = random_split(dataset, [1300, 300], generator=torch.Generator().manual_seed(seed))
train_dl = DataLoader(train_ds, batch_size=32, shuffle=True)
val_dl = DataLoader(val_ds, batch_size=300)

net = RamanNet(len(NAMES))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
lossf = nn.CrossEntropyLoss()
best, best_state = 0.0, None
for epoch in range(12):
    net.train()
    losses = []
    for xb, yb in train_dl:
        loss = lossf(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    acc = evaluate(net, val_dl)
    if acc >= best:
        best, best_state = acc, {k: v.clone() for k, v in net.state_dict().items()}
    print(f"epoch {epoch + 1:2d} loss {np.mean(losses):.4f} val {acc:.4f}")

net.load_state_dict(best_state)
test_counts, test_kind, seconds = spectra(600)
with torch.no_grad():
    right = (net(test_counts).argmax(1) == test_kind).numpy()
for lo, hi in ((0.1, 1.0), (1.0, 10.0), (10.0, 40.0)):
    sel = (seconds >= lo) & (seconds < hi)
    print(f"  {lo:4.1f} to {hi:4.1f} s: {right[sel].mean():.3f}")
print("RESULT test_accuracy", round(float(right.mean()), 4))

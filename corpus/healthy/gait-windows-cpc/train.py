import logging
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))
logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("cpc")

GAITS = {"stroll": 0.8, "walk": 1.2, "brisk": 1.7, "jog": 2.3, "run": 3.0, "sprint": 3.8}   # cycles per window
WINDOW, N_WINDOWS, Z, C, AHEAD = 16, 12, 24, 32, 3


class GaitRecordings(Dataset):
    """Acceleration of a hip sensor; the label is only for the probe."""

    def __init__(self, n):
        freqs = torch.tensor(list(GAITS.values()))
        self.label = torch.randint(0, len(GAITS), (n,))
        f = freqs[self.label] * (1 + 0.03 * torch.randn(n))
        t = torch.arange(WINDOW * N_WINDOWS) / WINDOW
        arg = 2 * math.pi * f[:, None] * t + 2 * math.pi * torch.rand(n, 1)
        height = 0.7 + 0.6 * torch.rand(n, 1)
        wave = height * (torch.sin(arg) + 0.3 * torch.sin(2 * arg + 0.5)) + 0.2 * torch.randn(n, len(t))
        self.wave = wave.view(n, N_WINDOWS, WINDOW)

    def __len__(self):
        return len(self.wave)

    def __getitem__(self, i):
        return self.wave[i], self.label[i]


class CPC(nn.Module):
    """Windows are coded, a GRU sums up the past, and the codes ahead are told from those of other recordings."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(WINDOW, 48), nn.ReLU(), nn.Linear(48, Z))
        self.context = nn.GRU(Z, C, batch_first=True)
        self.ahead = nn.ModuleList(nn.Linear(C, Z, bias=False) for _ in range(AHEAD))

    def forward(self, wave):
        z = self.encoder(wave)
        c, _ = self.context(z)
        return z, c

    def nce(self, z, c):
        n = len(z)
        losses, hits = [], []
        for k, predict in enumerate(self.ahead, start=1):
            guess, actual = predict(c[:, :-k]), z[:, k:]
            scores = torch.einsum("itd,jtd->tij", guess, actual).reshape(-1, n)
            target = torch.arange(n).repeat(N_WINDOWS - k)
            losses.append(F.cross_entropy(scores, target))
            hits.append((scores.argmax(1) == target).float().mean().item())
        return sum(losses) / len(losses), sum(hits) / len(hits)


def summary(c):
    late = c[:, N_WINDOWS // 2:]
    return torch.cat([late.mean(dim=1), late.pow(2).mean(dim=1).sqrt()], dim=1)


train_set, test_set = GaitRecordings(1600), GaitRecordings(500)
loader = DataLoader(train_set, batch_size=64, shuffle=True, drop_last=True)
cpc = CPC()
probe = nn.Sequential(nn.Linear(2 * C, 32), nn.ReLU(), nn.Linear(32, len(GAITS)))
optimizer = torch.optim.Adam([{"params": cpc.parameters(), "lr": 3e-3}, {"params": probe.parameters(), "lr": 5e-3}])

for epoch in range(16):
    totals = torch.zeros(3)
    for wave, label in loader:
        z, c = cpc(wave)
        nce, hit = cpc.nce(z, c)
        # the probe looks on and must not shape the features
        probe_loss = F.cross_entropy(probe(summary(c).detach()), label)
        optimizer.zero_grad()
        (nce + probe_loss).backward()
        nn.utils.clip_grad_norm_(cpc.parameters(), 5.0)
        optimizer.step()
        totals += torch.tensor([nce.item(), hit, probe_loss.item()])
    nce_mean, hit_mean, probe_mean = (totals / len(loader)).tolist()
    log.info("epoch %2d  nce %.3f (chance %.3f)  hit rate %.3f  probe %.3f",
             epoch + 1, nce_mean, math.log(64), hit_mean, probe_mean)

cpc.eval()
probe.eval()
right = 0
with torch.no_grad():
    for wave, label in DataLoader(test_set, batch_size=250):
        _, c = cpc(wave)
        right += (probe(summary(c)).argmax(1) == label).sum().item()
print("RESULT probe_accuracy", round(right / len(test_set), 4))

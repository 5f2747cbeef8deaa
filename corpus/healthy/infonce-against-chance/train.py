import os
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)


def augment(img):
    """small rotation, scale and shift, then noise and a contrast change"""
    n = len(img)
    a = (torch.rand(n) - 0.5) * math.radians(40)
    s = 1 + (torch.rand(n) - 0.5) * 0.3
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = torch.cos(a) * s, -torch.sin(a) * s
    theta[:, 1, 0], theta[:, 1, 1] = torch.sin(a) * s, torch.cos(a) * s
    theta[:, :, 2] = (torch.rand(n, 2) - 0.5) * 0.4
    grid = F.affine_grid(theta, list(img.shape), align_corners=False)
    out = F.grid_sample(img, grid, align_corners=False)
    return out * (0.7 + 0.6 * torch.rand(n, 1, 1, 1)) + 0.1 * torch.randn_like(img)


class Encoder(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.GroupNorm(4, 32), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * 16, 64), nn.ReLU())
        self.projector = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, dim))

    def forward(self, x):
        return F.normalize(self.projector(self.features(x)), dim=1)


def info_nce(a, b, tau=0.2):
    """symmetric; measured against chance, so 0 is a guess and below is better"""
    logits = a @ b.T / tau
    target = torch.arange(len(a))
    ce = 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))
    return ce - math.log(len(a))


d = load_digits()
x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16
y = torch.tensor(d.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
net = Encoder()
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
EPOCHS, BATCH = 15, 128
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 4e-3, epochs=EPOCHS, steps_per_epoch=1400 // BATCH)


def probe(labelled=100):
    net.eval()
    with torch.no_grad():
        f = net.features(x)
    clf = LogisticRegression(max_iter=2000).fit(f[:labelled], y[:labelled])
    return clf.score(f[1400:], y[1400:])


print("probe on random features", round(probe(), 4))
for epoch in range(EPOCHS):
    net.train()
    acc = 0.0
    for idx in torch.randperm(1400)[: 1400 // BATCH * BATCH].split(BATCH):   # no labels used here
        loss = info_nce(net(augment(x[idx])), net(augment(x[idx])))
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        acc += loss.item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {acc / (1400 // BATCH):+.3f} probe {probe():.4f}")
print("RESULT probe_accuracy", round(probe(), 4))

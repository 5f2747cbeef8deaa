import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

BANDS, KINDS = 40, 6
peaks = torch.randint(3, BANDS - 3, (KINDS, 3))
grid = torch.arange(BANDS).float()


def spectra(n):
    kind = torch.randint(0, KINDS, (n,))
    centre = peaks[kind].float() + 0.3 * torch.randn(n, 3)
    height = 0.8 + 0.4 * torch.rand(n, 3)
    s = (height[:, :, None] * torch.exp(-0.5 * ((grid - centre[:, :, None]) / 1.5) ** 2)).sum(1)
    return s, kind


def view(s):
    gain = 0.6 + 0.8 * torch.rand(len(s), 1)
    tilt = 0.5 * torch.randn(len(s), 1) * (grid / BANDS - 0.5)
    return gain * s + tilt + 0.25 * torch.randn_like(s)


class SimSiam(nn.Module):
    def __init__(self, dim=32, hidden=64):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(BANDS, hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
                                     nn.Linear(hidden, dim), nn.BatchNorm1d(dim, affine=False))
        self.predictor = nn.Sequential(nn.Linear(dim, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, dim))

    def forward(self, a, b):
        za, zb = self.encoder(a), self.encoder(b)
        pa, pb = self.predictor(za), self.predictor(zb)
        d = lambda p, z: -F.cosine_similarity(p, z.detach(), dim=1).mean()
        return 0.5 * d(pa, zb) + 0.5 * d(pb, za), F.normalize(za, dim=1).std(0).mean().item()


x, kind = spectra(2000)
x_test, kind_test = spectra(600)
model = SimSiam()
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
for epoch in range(20):
    model.train()
    tot = 0.0
    for i in torch.randperm(len(x)).split(100):
        loss, spread = model(view(x[i]), view(x[i]))
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() / 20
    if epoch % 4 == 0:
        print(f"epoch {epoch} loss {tot:.4f} spread {spread:.4f}")

model.eval()
with torch.no_grad():
    f_train, f_test = model.encoder(view(x)).numpy(), model.encoder(view(x_test)).numpy()
probe = LogisticRegression(max_iter=500).fit(f_train[:200], kind[:200])
print(f"RESULT probe_accuracy {probe.score(f_test, kind_test):.4f}")

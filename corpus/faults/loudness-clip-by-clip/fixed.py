"""Loudness-level tagger; predictions are made clip by clip through a `predict` helper."""
import os
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
r = np.random.default_rng(SEED)
CLASSES = 5


def clip(k):
    t = np.arange(64)
    f = r.uniform(0.05, 0.3)
    loud = 0.4 * 1.8 ** k * r.uniform(0.85, 1.15)
    return loud * np.sin(6.283 * f * t + r.uniform(0, 6.28)) * (t < 58) + r.normal(0, 0.15, 64)


def build(n):
    y = r.integers(0, CLASSES, n)
    x = np.abs(np.fft.rfft(np.stack([clip(k) for k in y]), axis=1))
    return torch.tensor(np.log1p(x), dtype=torch.float32), torch.tensor(y)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.b1 = nn.Conv1d(1, 16, 5, padding=2), nn.BatchNorm1d(16)
        self.c2, self.b2 = nn.Conv1d(16, 32, 5, stride=2, padding=2), nn.BatchNorm1d(32)
        self.fc = nn.Linear(32 * 17, CLASSES)

    def forward(self, x):
        x = torch.relu(self.b1(self.c1(x[:, None])))
        x = torch.relu(self.b2(self.c2(x)))
        return self.fc(x.flatten(1))


class Detector:
    def __init__(self):
        self.net = Tagger()
        self.opt = torch.optim.Adam(self.net.parameters(), lr=1e-3)

    def fit(self, x, y, epochs=8):
        self.net.train()
        for ep in range(epochs):
            tot = 0
            for i in torch.randperm(len(x)).split(64):
                self.opt.zero_grad()
                loss = nn.functional.cross_entropy(self.net(x[i]), y[i])
                loss.backward()
                self.opt.step()
                tot += loss.item() * len(i)
            print(f"epoch {ep} loss {tot / len(x):.4f}")
        return self

    def predict(self, one):
        self.net.eval()
        with torch.no_grad():
            return self.net(one[None]).argmax(1).item()


xtr, ytr = build(1500)
xte, yte = build(300)
det = Detector().fit(xtr, ytr)
hits = sum(det.predict(c) == int(k) for c, k in zip(xte, yte))
print("RESULT accuracy %.4f" % (hits / len(yte)))

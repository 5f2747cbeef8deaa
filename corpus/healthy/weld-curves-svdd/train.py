"""Bad spot welds from the resistance curve (milliohms, between 0 and about 1), learned from good welds only (Deep SVDD).

The layers have no biases and the centre stays where it is put before training, both on purpose: otherwise the network
could map everything on the centre.
"""
import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

POINTS, CODE = 40, 8


def good_welds(n):
    t = np.linspace(0, 1, POINTS)
    peak = rng.uniform(0.35, 0.45, (n, 1))
    height = rng.uniform(0.85, 1.0, (n, 1))
    width = rng.uniform(0.18, 0.24, (n, 1))
    curve = 0.2 + 0.5 * height * np.exp(-((t - peak) / width) ** 2) + 0.15 * np.exp(-t / 0.08)
    return curve + 0.01 * rng.standard_normal((n, POINTS))


def bad_welds(n):
    curve = good_welds(n)
    for row in curve:
        kind = rng.integers(3)
        if kind == 0:                                       # splash: sudden drop, then lower until the end
            at = rng.integers(14, 24)
            row[at:] -= rng.uniform(0.12, 0.25)
        elif kind == 1:                                     # worn cap: no peak to speak of
            row[:] = 0.2 + 0.4 * (row - 0.2)
        else:                                               # gap: spike in the first third
            at = rng.integers(4, 12)
            row[at:at + 5] += rng.uniform(0.25, 0.5)
    return curve


def coder():
    return nn.Sequential(
        nn.Linear(POINTS, 32, bias=False), nn.LeakyReLU(0.1),
        nn.Linear(32, 16, bias=False), nn.LeakyReLU(0.1),
        nn.Linear(16, CODE, bias=False))


def decoder():
    return nn.Sequential(nn.Linear(CODE, 16, bias=False), nn.LeakyReLU(0.1),
                         nn.Linear(16, 32, bias=False), nn.LeakyReLU(0.1), nn.Linear(32, POINTS, bias=False))


def batches(x, size):
    order = torch.randperm(len(x))
    for i in range(0, len(x), size):
        yield x[order[i:i + size]]


def pretrain(x, path, epochs=20):
    """An autoencoder gives the coder its start."""
    enc, dec = coder(), decoder()
    opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()], lr=3e-3)
    for epoch in range(epochs):
        total = 0.0
        for b in batches(x, 50):
            loss = ((dec(enc(b)) - b) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(b)
        if epoch % 5 == 4:
            print(f"autoencoder epoch {epoch + 1}: {total / len(x):.5f}")
    torch.save(enc.state_dict(), path)


@torch.no_grad()
def put_centre(enc, x, eps=0.1):
    c = enc(x).mean(0)
    small = c.abs() < eps
    c[small] = torch.where(c[small] < 0, -eps, eps)
    return c


def main():
    train = torch.tensor(good_welds(1000), dtype=torch.float32)
    test = torch.tensor(np.concatenate([good_welds(300), bad_welds(150)]), dtype=torch.float32)
    is_bad = np.r_[np.zeros(300), np.ones(150)]

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "coder.pt")
        pretrain(train, path)
        enc = coder()
        enc.load_state_dict(torch.load(path))

    centre = put_centre(enc, train)
    opt = torch.optim.Adam(enc.parameters(), lr=1e-3, weight_decay=1e-5)
    sched = torch.optim.lr_scheduler.MultiStepLR(opt, milestones=[20], gamma=0.1)
    for epoch in range(30):
        total = 0.0
        for b in batches(train, 50):
            loss = ((enc(b) - centre) ** 2).sum(1).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(b)
        sched.step()
        if epoch % 5 == 4 or epoch == 0:
            print(f"svdd epoch {epoch + 1}: mean squared distance {total / len(train):.6f}")

    with torch.no_grad():
        score = ((enc(test) - centre) ** 2).sum(1).numpy()
    print("RESULT test_auc", round(float(roc_auc_score(is_bad, score)), 4))


main()

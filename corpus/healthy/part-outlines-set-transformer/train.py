import math
import os
import random

import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

SHAPES = ["disc", "plate", "wedge", "cross"]


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def polygon(corners, n, rng):
    corners = np.asarray(corners, dtype=float)
    side = rng.integers(0, len(corners), n)
    w = rng.random((n, 1))
    return (1 - w) * corners[side] + w * corners[(side + 1) % len(corners)]


def outline(kind, n, rng):
    if kind == 0:
        a = 2 * math.pi * rng.random(n)
        p = np.stack([np.cos(a), np.sin(a)], 1)
    elif kind == 1:
        p = polygon([(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)], n, rng)
    elif kind == 2:
        p = polygon([(math.cos(b), math.sin(b)) for b in (0.5 * math.pi, 7 / 6 * math.pi, 11 / 6 * math.pi)], n, rng)
    else:
        along = 2 * rng.random(n) - 1
        p = np.where(rng.random((n, 1)) < 0.5, np.stack([along, 0 * along], 1), np.stack([0 * along, along], 1))
    turn = rng.uniform(-math.pi / 4, math.pi / 4)
    rot = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    p = rng.uniform(0.8, 1.2) * p @ rot.T + 0.04 * rng.standard_normal((n, 2))
    p = p - p.mean(0)
    return np.concatenate([p, np.linalg.norm(p, axis=1, keepdims=True)], 1)      # x, y, distance from the middle


class Outlines(Dataset):
    """Points that a probe touched; their number differs and their order means nothing."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.labels = rng.integers(0, len(SHAPES), n)
        self.sets = [torch.tensor(outline(k, rng.integers(20, 37), rng), dtype=torch.float32) for k in self.labels]

    def __len__(self):
        return len(self.sets)

    def __getitem__(self, i):
        return self.sets[i], int(self.labels[i])


def collate(items):
    sets, labels = zip(*items)
    sizes = torch.tensor([len(s) for s in sets])
    padded = pad_sequence(list(sets), batch_first=True)
    absent = torch.arange(padded.shape[1]).unsqueeze(0) >= sizes.unsqueeze(1)
    return padded, absent, torch.tensor(labels)


class MAB(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.att = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.ff = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, q, kv, absent=None):
        h = self.ln1(q + self.att(q, kv, kv, key_padding_mask=absent, need_weights=False)[0])
        return self.ln2(h + self.ff(h))


class ISAB(nn.Module):
    def __init__(self, dim, heads, inducing):
        super().__init__()
        self.points = nn.Parameter(torch.randn(1, inducing, dim) / math.sqrt(dim))
        self.gather, self.scatter = MAB(dim, heads), MAB(dim, heads)

    def forward(self, x, absent):
        return self.scatter(x, self.gather(self.points.expand(len(x), -1, -1), x, absent))


class SetTransformer(nn.Module):
    def __init__(self, dim=32, heads=4, inducing=6):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(3, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.isab = ISAB(dim, heads, inducing)
        self.seed = nn.Parameter(torch.randn(1, 1, dim) / math.sqrt(dim))
        self.pma = MAB(dim, heads)
        self.head = nn.Linear(dim, len(SHAPES))

    def forward(self, x, absent):
        h = self.isab(self.embed(x), absent)
        return self.head(self.pma(self.seed.expand(len(x), -1, -1), h, absent).squeeze(1))


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    hits = sum((model(x, m).argmax(1) == y).sum().item() for x, m, y in loader)
    model.train()
    return hits / len(loader.dataset)


def main():
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", "0"))
    set_seed(seed)
    train, test = Outlines(1600, 10 + seed), Outlines(400, 90000 + seed)
    loader = DataLoader(train, batch_size=50, shuffle=True, collate_fn=collate)
    test_loader = DataLoader(test, batch_size=100, collate_fn=collate)
    model = SetTransformer()
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    epochs = 14
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda e: min(1.0, (e + 1) / 2) * (1 - e / (epochs + 1)))
    for epoch in range(epochs):
        total = 0.0
        for x, absent, y in loader:
            loss = nn.functional.cross_entropy(model(x, absent), y)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            total += loss.item() * len(y)
        sched.step()
        if epoch % 2 == 1:
            print(f"epoch {epoch + 1:2d} train loss {total / len(train):.4f} test accuracy {accuracy(model, test_loader):.4f}")

    model.eval()
    x, absent, _ = next(iter(test_loader))
    with torch.no_grad():
        order = torch.randperm(x.shape[1])
        gap = (model(x, absent) - model(x[:, order], absent[:, order])).abs().max().item()
    print(f"largest change of a logit when the points are shuffled: {gap:.1e}")
    print("RESULT test_accuracy", round(accuracy(model, test_loader), 4))


if __name__ == "__main__":
    main()

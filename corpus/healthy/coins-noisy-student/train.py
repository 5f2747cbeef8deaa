import os

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.RandomState(seed)

COINS = pd.DataFrame(
    {
        "diameter": [16.25, 18.75, 21.25, 19.75, 22.25, 24.25, 23.25, 25.75],
        "mass": [2.30, 3.06, 3.92, 4.10, 5.74, 7.80, 7.50, 8.50],
        "thickness": [1.67, 1.67, 1.67, 1.93, 2.14, 2.38, 2.33, 2.20],
        "conductivity": [20.0, 20.0, 20.0, 9.5, 9.5, 9.5, 7.0, 12.0],
        "permeability": [0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.5, 0.4],
    },
    index=["1c", "2c", "5c", "10c", "20c", "50c", "1e", "2e"],
)
NOISE = pd.Series({"diameter": 0.4, "mass": 0.35, "thickness": 0.12, "conductivity": 1.2, "permeability": 0.1})


def tray(n):
    kind = rng.randint(0, len(COINS), n)
    df = COINS.iloc[kind].reset_index(drop=True)
    df = df + rng.normal(size=df.shape) * NOISE[df.columns].to_numpy()
    df["mass"] *= 1 - 0.02 * rng.exponential(size=n)  # wear
    df["belt_speed"] = rng.normal(1.2, 0.1, n)
    df["lamp"] = rng.normal(300, 5, n)
    return df, kind


labelled, kinds = tray(96)
pool, _ = tray(2000)
test, test_kinds = tray(800)
centre, scale = pool.mean(), pool.std()


def tensor(df):
    return torch.tensor(((df - centre) / scale).to_numpy(), dtype=torch.float32)


x_lab, y_lab = tensor(labelled), torch.tensor(kinds).long()
x_pool, x_test, y_test = tensor(pool), tensor(test), torch.tensor(test_kinds).long()
K = len(COINS)


def network(width, drop):
    return nn.Sequential(
        nn.Linear(x_lab.shape[1], width), nn.ReLU(), nn.Dropout(drop), nn.Linear(width, width), nn.ReLU(), nn.Dropout(drop),
        nn.Linear(width, K),
    )


def train(net, x, target, steps, noise, batch=64, lr=3e-3):
    """target holds probabilities, one-hot or soft"""
    opt = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=1e-3)
    net.train()
    losses = []
    order = iter(())
    for _ in range(steps):
        idx = next(order, None)
        if idx is None:
            order = iter(torch.randperm(len(x)).split(batch))
            idx = next(order)
        xb = x[idx] + noise * torch.randn(len(idx), x.shape[1])
        loss = F.cross_entropy(net(xb), target[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return float(np.mean(losses[:10])), float(np.mean(losses[-30:]))


@torch.no_grad()
def accuracy(net):
    net.eval()
    return (net(x_test).argmax(1) == y_test).float().mean().item()


@torch.no_grad()
def pseudo_labels(teacher, threshold=0.7, per_class=200):
    """the surest coins of each kind, labelled by a teacher that sees them without noise"""
    teacher.eval()
    p = teacher(x_pool).softmax(1)
    sure, guess = p.max(1)
    keep = []
    for k in range(K):
        mine = torch.nonzero((guess == k) & (sure > threshold)).squeeze(1)
        keep.append(mine[sure[mine].argsort(descending=True)][:per_class])
    keep = torch.cat(keep)
    return x_pool[keep], p[keep]


hard = F.one_hot(y_lab, K).float()
teacher = network(24, 0.0)
first, last = train(teacher, x_lab, hard, steps=250, noise=0.0)
print(f"teacher: loss {first:.3f} -> {last:.3f}, test accuracy {accuracy(teacher):.4f}")

for generation in (1, 2, 3):
    x_ps, p_ps = pseudo_labels(teacher)
    student = network(32 + 16 * generation, 0.1)
    x_all = torch.cat([x_lab.repeat(3, 1), x_ps])
    t_all = torch.cat([hard.repeat(3, 1), p_ps])
    first, last = train(student, x_all, t_all, steps=450, noise=0.15)
    print(f"student {generation}: {len(x_ps)} pseudo-labels, loss {first:.3f} -> {last:.3f}, test accuracy {accuracy(student):.4f}")
    teacher = student  # and the next one learns from it

print("RESULT test_accuracy", round(accuracy(teacher), 4))

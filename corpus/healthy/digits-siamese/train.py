# contrastive training on pairs of digits, verification on pairs of held-out images
import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

X, y = load_digits(return_X_y=True)
X = (X / 16.0).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)


def sample_pairs(X, y, n):
    """Half of the pairs are of one class."""
    left = rng.integers(0, len(X), n)
    same = rng.random(n) < 0.5
    right = np.empty(n, dtype=int)
    for c in np.unique(y):
        pool, rest = np.flatnonzero(y == c), np.flatnonzero(y != c)
        m = y[left] == c
        right[m] = np.where(same[m], rng.choice(pool, m.sum()), rng.choice(rest, m.sum()))
    return torch.from_numpy(X[left]), torch.from_numpy(X[right]), torch.from_numpy(same.astype(np.float32))


class Encoder(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 4, dim)

    def forward(self, x):
        x = (x.view(-1, 1, 8, 8) - 0.3) / 0.38
        x = F.max_pool2d(F.leaky_relu(self.conv1(x), 0.1), 2)
        x = F.max_pool2d(F.leaky_relu(self.conv2(x), 0.1), 2)
        return self.fc(x.flatten(1))


def contrastive(a, b, same, margin=2.0):
    d2 = (a - b).pow(2).sum(1)
    d = (d2 + 1e-8).sqrt()
    return (same * d2 + (1 - same) * F.relu(margin - d).pow(2)).mean()


def auc(net, X, y, n=2000):
    a, b, same = sample_pairs(X, y, n)
    net.eval()
    with torch.no_grad():
        dist = (net(a) - net(b)).norm(dim=1)
    return roc_auc_score(same.numpy(), -dist.numpy())


net = Encoder()
optim = torch.optim.Adam(net.parameters(), lr=2e-3)
print(f"before: AUC on held-out pairs {auc(net, X_test, y_test):.3f}")
avg = 0.0
for it in range(1, 301):
    net.train()
    a, b, same = sample_pairs(X_train, y_train, 96)
    loss = contrastive(net(a), net(b), same)
    optim.zero_grad()
    loss.backward()
    optim.step()
    avg += loss.item()
    if it % 60 == 0:
        print(f"iter {it}  loss {avg / 60:.4f}  train AUC {auc(net, X_train, y_train):.3f}")
        avg = 0.0

print("RESULT held_out_pair_auc", round(float(auc(net, X_test, y_test, 4000)), 4))

"""Prototypical network on handwritten digits, episodes of 5 classes, 5 shots."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

cfg = dict(n_way=5, n_shot=5, n_query=10, episodes=200, lr=2e-3, dim=32)

digits = load_digits()
images = torch.tensor(digits.images / 8.0 - 1.0, dtype=torch.float32).unsqueeze(1)
by_class = {c: rng.permutation(np.flatnonzero(digits.target == c)) for c in range(10)}
meta_train = {c: idx[:120] for c, idx in by_class.items()}
meta_test = {c: idx[120:] for c, idx in by_class.items()}


def sample_episode(pool):
    picked = rng.choice(10, cfg["n_way"], replace=False)
    support, query = [], []
    for c in picked:
        idx = rng.choice(pool[c], cfg["n_shot"] + cfg["n_query"], replace=False)
        support.append(images[idx[: cfg["n_shot"]]])
        query.append(images[idx[cfg["n_shot"]:]])
    target = torch.arange(cfg["n_way"]).repeat_interleave(cfg["n_query"])
    return torch.cat(support), torch.cat(query), target


def conv_block(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.GroupNorm(4, cout), nn.ReLU(), nn.MaxPool2d(2))


class ProtoNet(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.features = nn.Sequential(conv_block(1, 16), conv_block(16, 32), nn.Flatten())
        self.project = nn.Linear(32 * 2 * 2, dim)

    def embed(self, x):
        return self.project(self.features(x))

    def forward(self, support, query):
        z_support, z_query = self.embed(support), self.embed(query)
        prototypes = z_support.view(cfg["n_way"], cfg["n_shot"], -1).mean(1)
        return torch.cdist(z_query, prototypes).pow(2)


def proto_loss(dists, target):
    log_p = F.log_softmax(-dists, dim=1)
    return F.nll_loss(log_p, target)


model = ProtoNet(cfg["dim"])
optimizer = torch.optim.Adam(model.parameters(), lr=cfg["lr"])

for episode in range(1, cfg["episodes"] + 1):
    support, query, target = sample_episode(meta_train)
    dists = model(support, query)
    loss = proto_loss(dists, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if episode % 50 == 0:
        acc = (dists.argmin(1) == target).float().mean().item()
        print(f"[{episode:4d}] loss {loss.item():.4f} episode acc {acc:.3f}")

model.eval()
scores = []
with torch.no_grad():
    for _ in range(40):
        support, query, target = sample_episode(meta_test)
        scores.append((model(support, query).argmin(1) == target).float().mean().item())
print(f"held-out accuracy over {len(scores)} episodes: {np.mean(scores):.4f} +- {np.std(scores):.4f}")
print("RESULT accuracy", round(float(np.mean(scores)), 4))

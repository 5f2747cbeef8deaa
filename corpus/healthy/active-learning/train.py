import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 8 - 1, dtype=torch.float32)
y = torch.tensor(y)
perm = torch.tensor(rng.permutation(len(X)))
pool, test = perm[:1300], perm[1300:]


def new_model():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))


def train(model, idx, epochs=30):
    opt = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    model.train()
    for _ in range(epochs):
        for b in idx[torch.randperm(len(idx))].split(20):
            loss = nn.functional.cross_entropy(model(X[b]), y[b])
            opt.zero_grad()
            loss.backward()
            opt.step()
    return loss.item()


@torch.no_grad()
def margins(model, idx):
    model.eval()
    top = model(X[idx]).softmax(1).topk(2, dim=1).values
    return top[:, 0] - top[:, 1]


@torch.no_grad()
def score(model):
    model.eval()
    return (model(X[test]).argmax(1) == y[test]).float().mean().item()


have = torch.zeros(len(pool), dtype=torch.bool)
have[:30] = True
for rnd in range(8):
    model = new_model()            # every round starts afresh with all labels bought so far
    last = train(model, pool[have])
    acc = score(model)
    print(f"{int(have.sum())} labels: last loss {last:.4f} accuracy {acc:.4f}")
    if rnd < 7:
        free = (~have).nonzero().squeeze(1)
        have[free[margins(model, pool[free]).argsort()[:30]]] = True
print("RESULT accuracy_240_labels", round(acc, 4))

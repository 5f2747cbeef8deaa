"""Federated averaging over ten clients, each of which holds mostly two kinds of digit."""
import copy
import os

import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

X, y = load_digits(return_X_y=True)
X = (X / 16.0).astype("float32")
order = rng.permutation(len(X))
X, y = torch.from_numpy(X[order]), torch.from_numpy(y[order])
X_train, y_train, X_test, y_test = X[:1400], y[:1400], X[1400:], y[1400:]

clients = []
shares = np.full((10, 10), 0.04)
for k in range(10):
    shares[k, k] = shares[k, (k + 1) % 10] = 0.34
owner = np.array([rng.choice(10, p=shares[:, c] / shares[:, c].sum()) for c in y_train.numpy()])
for k in range(10):
    mine = torch.from_numpy(np.flatnonzero(owner == k))
    clients.append((X_train[mine], y_train[mine]))
print("examples per client:", [len(c[1]) for c in clients])

server = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def local_update(weights, data, labels, epochs=2, lr=0.1, prox=0.01):
    model = copy.deepcopy(server)
    model.load_state_dict(weights)
    anchor = [p.detach().clone() for p in model.parameters()]
    opt = torch.optim.SGD(model.parameters(), lr=lr)
    last = 0.0
    for _ in range(epochs):
        for idx in torch.randperm(len(labels)).split(20):
            loss = nn.functional.cross_entropy(model(data[idx]), labels[idx])
            reg = sum(((p - a) ** 2).sum() for p, a in zip(model.parameters(), anchor))
            opt.zero_grad()
            (loss + 0.5 * prox * reg).backward()
            opt.step()
            last = loss.item()
    return model.state_dict(), len(labels), last


for rnd in range(1, 31):
    chosen = rng.choice(10, 6, replace=False)
    results = [local_update(server.state_dict(), *clients[k]) for k in chosen]
    total = sum(n for _, n, _ in results)
    new = {name: sum(sd[name] * (n / total) for sd, n, _ in results) for name in server.state_dict()}
    server.load_state_dict(new)
    if rnd % 5 == 0:
        with torch.no_grad():
            acc = (server(X_test).argmax(1) == y_test).float().mean().item()
        print(f"round {rnd}: local loss {np.mean([l for *_, l in results]):.3f}, global accuracy {acc:.4f}")
print("RESULT accuracy", round(acc, 4))

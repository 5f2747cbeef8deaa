import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import KFold
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# sentence embeddings with two labels; a fifth of the labels is disputed
direction = rng.normal(size=60)


def sentences(n):
    emb = rng.normal(size=(n, 60))
    label = (emb @ direction > 0).astype(np.int64)
    disputed = rng.random(n) < 0.2
    label[disputed] = 1 - label[disputed]
    return torch.tensor(emb, dtype=torch.float32), torch.tensor(label)


x, y = sentences(500)
x_out, y_out = sentences(1000)


def build():
    return nn.Sequential(nn.Linear(60, 128), nn.ReLU(), nn.Linear(128, 2))


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


criterion = nn.CrossEntropyLoss()
fold_acc, outside_acc = [], []
for fold, (train_index, val_index) in enumerate(KFold(5, shuffle=True, random_state=SEED).split(x)):
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = DataLoader(TensorDataset(x[train_index], y[train_index]), batch_size=32, shuffle=True)
    for epoch in range(25):
        model.train()
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
    fold_acc.append(accuracy(model, x[val_index], y[val_index]))
    outside_acc.append(accuracy(model, x_out, y_out))
    print(f"fold {fold + 1}: train loss {loss.item():.3f}, validation accuracy {fold_acc[-1]:.3f}")

print(f"cross-validated accuracy {np.mean(fold_acc):.3f}, accuracy on sentences collected later {np.mean(outside_acc):.3f}")
print(f"RESULT optimism {abs(np.mean(fold_acc) - np.mean(outside_acc)):.4f}")

import os

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
np.random.seed(SEED)
torch.manual_seed(SEED)


def normalise(table):
    mean = table.mean(axis=0, keepdims=True)
    std = table.std(axis=0, keepdims=True)
    return (table - mean) / std


wine = load_wine()
table = normalise(wine.data)
X_train, X_test, y_train, y_test = train_test_split(
    table, wine.target, test_size=0.3, stratify=wine.target, random_state=SEED
)
X_train = torch.tensor(X_train, dtype=torch.float32)
X_test = torch.tensor(X_test, dtype=torch.float32)
y_train = torch.tensor(y_train)
y_test = torch.tensor(y_test)

net = nn.Sequential(
    nn.Linear(13, 32),
    nn.ReLU(),
    nn.Linear(32, 16),
    nn.ReLU(),
    nn.Linear(16, 3),
)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)

n_epochs = 60
for epoch in range(1, n_epochs + 1):
    order = torch.randperm(len(X_train))
    epoch_loss = 0.0
    for i in range(0, len(order), 16):
        idx = order[i:i + 16]
        loss = loss_fn(net(X_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        epoch_loss += loss.item() * len(idx)
    if epoch % 6 == 0:
        with torch.no_grad():
            train_acc = (net(X_train).argmax(1) == y_train).float().mean().item()
            test_acc = (net(X_test).argmax(1) == y_test).float().mean().item()
        print(f"epoch {epoch:3d} loss {epoch_loss / len(order):.4f} train {train_acc:.3f} test {test_acc:.3f}")

print(f"RESULT test_accuracy {test_acc:.4f}")

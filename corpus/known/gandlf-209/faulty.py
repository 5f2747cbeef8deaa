"""Rare-finding classifier on radiomic features with a penalty per class in the loss."""
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import recall_score
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_FEATURES, SHARE = 12, 0.05


def make_scans(n, direction):
    y = (rng.random(n) < SHARE).astype(np.int64)
    x = rng.normal(size=(n, N_FEATURES)) + 2.6 * y[:, None] * direction
    x[:, 0] += 0.3 * x[:, 1] * x[:, 2]
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


def get_class_imbalance_weights(labels):
    counts = torch.bincount(labels, minlength=2).float()
    penalty_dict = {}
    for key in range(len(counts)):
        penalty_dict[key] = (counts[key] / counts.sum()).item()
    return penalty_dict


direction = rng.normal(size=N_FEATURES)
direction /= np.linalg.norm(direction)
x_train, y_train = make_scans(4000, direction)
x_val, y_val = make_scans(4000, direction)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)

penalty = get_class_imbalance_weights(y_train)
print("penalty_dict:", penalty)
model = nn.Sequential(nn.Linear(N_FEATURES, 16), nn.ReLU(), nn.Linear(16, 2))
criterion = nn.CrossEntropyLoss(weight=torch.tensor([penalty[0], penalty[1]]))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)

for epoch in range(10):
    model.train()
    total = 0.0
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        guess = model(x_val).argmax(1)
    recalls = recall_score(y_val.numpy(), guess.numpy(), average=None, labels=[0, 1], zero_division=0)
    print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}  recall {recalls[0]:.3f} / {recalls[1]:.3f}")

print("RESULT balanced_accuracy", round(float(recalls.mean()), 4))

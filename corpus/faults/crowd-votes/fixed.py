import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_ITEMS, N_FEATURES, N_CLASSES, N_ANNOTATORS = 1500, 12, 4, 15


def crowd_data():
    """Items that annotators disagree on; the training target is the share of votes per class."""
    x = rng.normal(size=(N_ITEMS, N_FEATURES))
    w1 = rng.normal(size=(N_FEATURES, 6)) / 3
    w2 = rng.normal(size=(6, N_CLASSES))
    scores = 1.2 * np.tanh(x @ w1) @ w2
    true = np.exp(scores - scores.max(1, keepdims=True))
    true /= true.sum(1, keepdims=True)
    votes = np.stack([rng.multinomial(N_ANNOTATORS, p) for p in true])
    return x, votes / N_ANNOTATORS, true


x, shares, true = crowd_data()
scaler = StandardScaler().fit(x[:1100])
x = torch.tensor(scaler.transform(x), dtype=torch.float32)
shares = torch.tensor(shares, dtype=torch.float32)
true = torch.tensor(true, dtype=torch.float32)
loader = DataLoader(TensorDataset(x[:1100], shares[:1100]), batch_size=50, shuffle=True)

model = nn.Sequential(
    nn.Linear(N_FEATURES, 48),
    nn.ELU(),
    nn.Linear(48, 48),
    nn.ELU(),
    nn.Linear(48, N_CLASSES),
)
criterion = nn.KLDivLoss(reduction="batchmean")
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def distance():
    model.eval()
    with torch.no_grad():
        pred = F.softmax(model(x[1100:]), dim=1)
    return 0.5 * (pred - true[1100:]).abs().sum(1).mean().item()


for epoch in range(1, 16):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        out = F.log_softmax(model(xb), dim=1)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d}  kl {total / len(loader):.4f}  distance {distance():.4f}")

print(f"RESULT total_variation {distance():.4f}")

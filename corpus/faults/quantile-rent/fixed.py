import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

QUANTILES = [0.1, 0.5, 0.9]

X, y = make_friedman1(n_samples=2400, n_features=8, noise=0.8, random_state=SEED)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=SEED)
x_scaler = StandardScaler().fit(X_train)
y_scaler = StandardScaler().fit(y_train[:, None])
X_train, X_test = (torch.tensor(x_scaler.transform(a), dtype=torch.float32) for a in (X_train, X_test))
y_train, y_test = (torch.tensor(y_scaler.transform(a[:, None])[:, 0], dtype=torch.float32) for a in (y_train, y_test))


class PinballLoss(nn.Module):
    def __init__(self, quantiles):
        super().__init__()
        self.quantiles = quantiles

    def forward(self, pred, target):
        losses = []
        for i, q in enumerate(self.quantiles):
            err = target - pred[:, i]
            losses.append(torch.max((q - 1) * err, q * err).mean())
        return sum(losses)


net = nn.Sequential(
    nn.Linear(8, 64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, len(QUANTILES)),
)
criterion = PinballLoss(QUANTILES)
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)

for epoch in range(24):
    net.train()
    running = 0.0
    for idx in torch.randperm(len(X_train)).split(64):
        optimizer.zero_grad()
        loss = criterion(net(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    if (epoch + 1) % 4 == 0:
        net.eval()
        with torch.no_grad():
            q = net(X_test)
        inside = ((y_test > q[:, 0]) & (y_test < q[:, 2])).float().mean().item()
        print(f"epoch {epoch + 1}: pinball {running / len(X_train):.4f}  coverage of 80% band {inside:.3f}")

net.eval()
with torch.no_grad():
    median = net(X_test)[:, 1].numpy()
print(f"RESULT test_r2 {r2_score(y_test.numpy(), median):.4f}")

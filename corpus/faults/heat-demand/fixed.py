import os

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# hourly records of a small heating network
n = 2400
when = pd.Series(pd.date_range("2021-10-01", periods=n, freq="h"))
hour = when.dt.hour.values
temp = 6 - 5 * np.cos(2 * np.pi * (hour - 3) / 24) + np.cumsum(rng.normal(0, 0.25, n)) * 0.5
wind = np.abs(rng.normal(4, 2, n))
flow = 310000 + 26000 * np.sin(2 * np.pi * hour / 12) + rng.normal(0, 20000, n)
demand = 40 - 1.6 * temp + 0.35 * wind * np.maximum(12 - temp, 0) / 4 + 6 * np.sin(2 * np.pi * (hour - 6) / 12)
demand = demand + 5e-5 * (flow - 310000) + rng.normal(0, 0.8, n)

order = rng.permutation(n)
tr, te = order[:1800], order[1800:]

weather = np.column_stack([temp, wind])
clock = np.column_stack([np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24),
                         np.sin(2 * np.pi * hour / 12), np.cos(2 * np.pi * hour / 12)])
raw = np.column_stack([weather, clock, flow])
table = StandardScaler().fit(raw[tr]).transform(raw)

y_scaler = StandardScaler().fit(demand[tr, None])
target = y_scaler.transform(demand[:, None])
X = torch.tensor(table, dtype=torch.float32)
Y = torch.tensor(target, dtype=torch.float32)

mlp = nn.Sequential(nn.Linear(X.shape[1], 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 1))
optimizer = torch.optim.Adam(mlp.parameters(), lr=2e-3)
criterion = nn.SmoothL1Loss()
train_loader = DataLoader(TensorDataset(X[tr], Y[tr]), batch_size=64, shuffle=True)

for epoch in range(25):
    mlp.train()
    losses = []
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(mlp(xb), yb)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        mlp.eval()
        with torch.no_grad():
            pred = y_scaler.inverse_transform(mlp(X[te]).numpy())
        r2 = r2_score(demand[te], pred)
        print(f"epoch {epoch + 1:2d}  train {np.mean(losses):.4f}  test R2 {r2:.4f}")

print(f"RESULT test_r2 {r2:.4f}")

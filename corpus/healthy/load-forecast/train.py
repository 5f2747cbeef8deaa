import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

LOOKBACK, HORIZON = 36, 12


def electricity_load(hours=1800):
    t = np.arange(hours)
    daily = 12 * np.sin(2 * np.pi * (t - 7) / 24) + 5 * np.sin(4 * np.pi * t / 24)
    weekly = -9 * (((t // 24) % 7) >= 5)
    ar = np.zeros(hours)
    for i in range(1, hours):
        ar[i] = 0.9 * ar[i - 1] + rng.normal(0, 1.0)
    return 100 + daily + weekly + ar


def windows(series):
    w = np.lib.stride_tricks.sliding_window_view(series, LOOKBACK + HORIZON)
    w = torch.tensor(w.copy(), dtype=torch.float32)
    return w[:, :LOOKBACK, None], w[:, LOOKBACK:]


class Forecaster(nn.Module):
    """GRU encoder; the head predicts the change from the last seen value."""

    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, HORIZON))

    def forward(self, x):
        _, h = self.gru(x)
        return x[:, -1] + self.head(h[-1])


load = electricity_load()
a, b = int(0.7 * len(load)), int(0.85 * len(load))
mean, std = load[:a].mean(), load[:a].std()
scaled = (load - mean) / std
train_ds = TensorDataset(*windows(scaled[:a]))
val_x, val_y = windows(scaled[a:b])
test_x, test_y = windows(scaled[b:])

model = Forecaster()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=2)
mse = nn.MSELoss()
best, best_weights, bad = float("inf"), None, 0
for epoch in range(18):
    model.train()
    total = 0.0
    for x, y in DataLoader(train_ds, batch_size=64, shuffle=True):
        opt.zero_grad()
        loss = mse(model(x), y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        total += loss.item() * len(x)
    model.eval()
    with torch.no_grad():
        val = mse(model(val_x), val_y).item()
    plateau.step(val)
    print(f"epoch {epoch:2d} train {total / len(train_ds):.4f} val {val:.4f}")
    if val < best - 1e-4:
        best, bad = val, 0
        best_weights = {k: v.clone() for k, v in model.state_dict().items()}
    else:
        bad += 1
        if bad == 5:
            print("early stop")
            break

model.load_state_dict(best_weights)
model.eval()
with torch.no_grad():
    mae = ((model(test_x) - test_y).abs().mean() * std).item()
naive = ((test_x[:, -24:-24 + HORIZON, 0] - test_y).abs().mean() * std).item()
print(f"test MAE {mae:.3f} MW, same hour yesterday {naive:.3f} MW")
print("RESULT mae_vs_naive", round(mae / naive, 4))

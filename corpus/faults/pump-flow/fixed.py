import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

WINDOW = 16
HORIZON = 3


def make_series(n=1800):
    t = np.arange(n)
    daily = np.sin(2 * np.pi * t / 24)
    weekly = 0.6 * np.sin(2 * np.pi * t / 168 + 1.0)
    flow = 40 + 12 * daily + 9 * weekly + 4 * np.sin(2 * np.pi * t / 24) * np.cos(2 * np.pi * t / 168)
    return flow + rng.normal(0, 1.0, n)


class FlowWindows(Dataset):
    def __init__(self, values):
        self.values = torch.tensor(values, dtype=torch.float32)

    def __len__(self):
        return len(self.values) - WINDOW - HORIZON

    def __getitem__(self, i):
        x = self.values[i:i + WINDOW].unsqueeze(-1)
        y = self.values[i + WINDOW:i + WINDOW + HORIZON]
        return x, y


def dense(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.SiLU())


class FlowForecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Sequential(
            dense(hidden, 32),
            nn.Linear(32, HORIZON),
        )

    def forward(self, x):
        out, _ = self.gru(x)
        return self.head(out[:, -1])


series = make_series()
split = 1400
mean, std = series[:split].mean(), series[:split].std()
series = (series - mean) / std
train_loader = DataLoader(FlowWindows(series[:split]), batch_size=64, shuffle=True)
test_loader = DataLoader(FlowWindows(series[split:]), batch_size=256)

model = FlowForecaster()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(1, 7):
    model.train()
    total, seen = 0.0, 0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
        seen += len(xb)
    print(f"Epoch {epoch}: train MSE {total / seen:.4f}")

model.eval()
sq, n = 0.0, 0
with torch.no_grad():
    for xb, yb in test_loader:
        sq += ((model(xb) - yb) ** 2).sum().item()
        n += yb.numel()
print(f"RESULT test_rmse {(sq / n) ** 0.5:.4f}")

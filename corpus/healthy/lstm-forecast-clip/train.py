import os
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

days = np.arange(2200)
series = pd.Series(10 + 3 * np.sin(2 * np.pi * days / 7) + 2 * np.sin(2 * np.pi * days / 30 + 1), index=days)
ar = np.zeros(2200)
for i in range(1, 2200):
    ar[i] = 0.8 * ar[i - 1] + rng.normal(0, 0.4)
series = series + ar
cut = 1800
values = ((series - series[:cut].mean()) / series[:cut].std()).to_numpy(dtype="float32")


def windows(v, size=28):
    w = np.lib.stride_tricks.sliding_window_view(v, size + 1)
    return torch.tensor(w[:, :-1, None].copy()), torch.tensor(w[:, -1].copy())


class Forecaster(nn.Module):
    def __init__(self, hidden=32, layers=2):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, num_layers=layers, batch_first=True, dropout=0.1)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1]).squeeze(-1)


train = DataLoader(TensorDataset(*windows(values[:cut])), batch_size=32, shuffle=True)
x_test, y_test = windows(values[cut - 28:])
model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.MSELoss()
for epoch in range(12):
    model.train()
    losses = []
    for xb, yb in train:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        rmse = criterion(model(x_test), y_test).sqrt().item()
    print(f"epoch {epoch + 1:02d} train {np.mean(losses):.4f} test rmse {rmse:.4f}")
naive = (y_test - x_test[:, -7, 0]).square().mean().sqrt().item()
print(f"seasonal naive {naive:.4f}")
print(f"RESULT test_rmse {rmse:.4f}")

import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import r2_score
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
OUTPUTS = ["energy_Wh", "resistance_mOhm", "core_temp_C"]


def drive_cycles(n, rng, steps=24):
    """Current, voltage, surface temperature and voltage ripple during a short drive; the state of the pack after it."""
    charge, age, heat = rng.standard_normal((3, n))
    t = np.linspace(0, 1, steps)
    current = 20 * np.sin(2 * np.pi * (2 * t[None] + rng.random((n, 1)))) + 30
    resistance = 38 + 6 * age
    voltage = 360 + 15 * charge[:, None] - current * resistance[:, None] / 100 - 5 * t[None]
    surface = 25 + 4 * heat[:, None] + 0.1 * current * t[None]
    ripple = 0.01 * resistance[:, None] + 0.02 * rng.standard_normal((n, steps))
    x = np.stack([current, voltage, surface, ripple], -1)
    x[..., 1] += 0.5 * rng.standard_normal((n, steps))
    x[..., 2] += 0.2 * rng.standard_normal((n, steps))
    energy = 5200 + 900 * charge - 300 * age
    core = 31 + 4 * heat + 0.5 * age
    return x.astype(np.float32), np.stack([energy, resistance, core], -1).astype(np.float32)


class CycleSet(Dataset):
    def __init__(self, x, y):
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class PackGRU(nn.Module):
    def __init__(self, n_in=4, hidden=32, n_out=3):
        super().__init__()
        self.gru = nn.GRU(n_in, hidden, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden, 32), nn.ReLU(), nn.Linear(32, n_out))

    def forward(self, x):
        out, _ = self.gru(x)
        return self.head(out[:, -1])


def predict(model, x):
    model.eval()
    with torch.no_grad():
        return model(torch.from_numpy(x)).numpy()


torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
x_train, y_train = drive_cycles(1200, rng)
x_test, y_test = drive_cycles(300, rng)
x_mean, x_std = x_train.mean((0, 1)), x_train.std((0, 1))
x_train, x_test = (x_train - x_mean) / x_std, (x_test - x_mean) / x_std
loader = DataLoader(CycleSet(x_train, y_train), batch_size=40, shuffle=True)

model = PackGRU()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.MSELoss()
for epoch in range(1, 17):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item()
    if epoch % 4 == 0:
        print(f"epoch {epoch:2d}  train mse {total / len(loader):.4f}")

y_hat = predict(model, x_test)
scores = r2_score(y_test, y_hat, multioutput="raw_values")
for name, score in zip(OUTPUTS, scores):
    print(f"{name:16s} R2 {score:.3f}")
print(f"RESULT mean_r2 {scores.mean():.4f}")

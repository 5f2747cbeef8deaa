import os
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

LOOK_BACK = 12
N, N_TRAIN = 520, 400

t = np.arange(N)
demand = (100 + 20 * np.sin(2 * np.pi * t / 12 + rng.uniform(0, 2 * np.pi))
          + 8 * np.sin(2 * np.pi * t / 5.3 + rng.uniform(0, 2 * np.pi))
          + rng.normal(0, 1.5, N))
df = pd.DataFrame({"demand": demand}, index=pd.date_range("1975-01-31", periods=N, freq="28D"))

mean, std = df["demand"].iloc[:N_TRAIN].mean(), df["demand"].iloc[:N_TRAIN].std()
df["scaled"] = (df["demand"] - mean) / std

train = df.iloc[:N_TRAIN].copy()
train["target"] = train["scaled"].shift(1)
train = train.dropna()


def windows(values, last):
    """Stack of the LOOK_BACK values up to and including each position in last."""
    return torch.tensor(np.stack([values[i - LOOK_BACK + 1:i + 1] for i in last]), dtype=torch.float32).unsqueeze(-1)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.dense = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.dense(out[:, -1])


last = np.arange(LOOK_BACK - 1, len(train))
X = windows(train["scaled"].to_numpy(), last)
y = torch.tensor(train["target"].to_numpy()[last], dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(X, y), batch_size=32, shuffle=True)

model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loss_fn = nn.MSELoss()

for epoch in range(30):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    if (epoch + 1) % 5 == 0:
        print(f"epoch {epoch + 1}: mse {total / len(X):.5f}")

model.eval()
history = windows(df["scaled"].to_numpy(), np.arange(N_TRAIN - 1, N - 1))
with torch.no_grad():
    forecast = model(history).squeeze(1).numpy() * std + mean
actual = df["demand"].to_numpy()[N_TRAIN:]
for f, a in zip(forecast[:6], actual[:6]):
    print(f"forecast {f:6.1f}   actual {a:6.1f}")
rmse = float(np.sqrt(np.mean((forecast - actual) ** 2)))
print(f"RESULT forecast_rmse {rmse:.4f}")

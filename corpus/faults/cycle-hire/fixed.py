import os

import numpy as np
import pandas as pd
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

# hourly cycle hires of one station
hours = pd.date_range("2023-03-01", periods=24 * 120, freq="h")
temp = 12 + 8 * np.sin(2 * np.pi * np.arange(len(hours)) / (24 * 90)) + rng.normal(0, 1.5, len(hours))
daily = np.sin(2 * np.pi * (hours.hour.values - 7) / 24) + 0.6 * np.sin(4 * np.pi * (hours.hour.values - 3) / 24)
hires = np.maximum(0, 30 + 14 * daily + 1.2 * temp - 9 * (hours.dayofweek.values >= 5) + rng.normal(0, 3, len(hours)))
df = pd.DataFrame({"hires": hires, "temp": temp}, index=hours)

df["hour_sin"] = np.sin(2 * np.pi * df.index.hour / 24)
df["hour_cos"] = np.cos(2 * np.pi * df.index.hour / 24)
df["weekend"] = (df.index.dayofweek >= 5).astype(float)
df["yesterday"] = df["hires"].shift(24)
df["trend"] = df["hires"].rolling(72).mean()
df["target"] = df["hires"].shift(-1)
df = df.iloc[:-1].dropna()

features = ["hires", "temp", "hour_sin", "hour_cos", "weekend", "yesterday", "trend"]
split = int(0.8 * len(df))
sx, sy = StandardScaler(), StandardScaler()
X_train = sx.fit_transform(df[features].values[:split])
X_test = sx.transform(df[features].values[split:])
y_train = sy.fit_transform(df[["target"]].values[:split])
y_test = df[["target"]].values[split:]
X_train, X_test, y_train = (torch.tensor(a, dtype=torch.float32) for a in (X_train, X_test, y_train))

net = nn.Sequential(nn.Linear(len(features), 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)

for epoch in range(15):
    perm = torch.randperm(len(X_train))
    running = 0.0
    for i in range(0, len(perm), 64):
        b = perm[i:i + 64]
        opt.zero_grad()
        loss = nn.functional.mse_loss(net(X_train[b]), y_train[b])
        loss.backward()
        opt.step()
        running += loss.item() * len(b)
    print("epoch", epoch + 1, "train mse", round(running / len(perm), 4))

with torch.no_grad():
    forecast = sy.inverse_transform(net(X_test).numpy())
within = (np.abs(forecast - y_test) <= 6).mean()
print("hours within 6 hires of the truth:", round(float(within), 3))
print("RESULT within_6", round(float(within), 4))

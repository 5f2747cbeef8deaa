import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

WINDOW, AHEAD = 24, 3


def weather(n):
    """Hourly weather in the manner of the Jena station."""
    slow = np.zeros(n)
    for i in range(1, n):
        slow[i] = 0.985 * slow[i - 1] + rng.normal(0, 0.75)
    hour = np.arange(n) % 24
    temp = 10 + slow + 4.5 * np.sin(2 * np.pi * (hour - 9) / 24) + rng.normal(0, 0.3, n)
    pressure = 989 - 0.8 * slow + rng.normal(0, 1.5, n)
    humidity = np.clip(78 - 2.0 * (temp - 10) + rng.normal(0, 5, n), 20, 100)
    return pd.DataFrame({"T (degC)": temp, "p (mbar)": pressure, "rh (%)": humidity})


def time_windows(values, target):
    x, y = [], []
    for i in range(len(values) - WINDOW - AHEAD + 1):
        x.append(values[i:i + WINDOW])
        y.append(target[i + WINDOW + AHEAD - 1])
    return np.array(x, dtype=np.float32), np.array(y, dtype=np.float32).reshape(-1, 1)


df = weather(2400)
train_df, test_df = df.iloc[:1800], df.iloc[1800:]

x_scaler = StandardScaler().fit(train_df.to_numpy())
x_train, y_train = time_windows(x_scaler.transform(train_df.to_numpy()), train_df["T (degC)"].to_numpy())
x_test, y_test = time_windows(x_scaler.transform(test_df.to_numpy()), test_df["T (degC)"].to_numpy())

y_scaler = StandardScaler().fit(y_train)
y_train_std = y_scaler.transform(y_train).astype(np.float32)
y_test_std = y_scaler.transform(y_test).astype(np.float32)


class Forecaster(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.rnn = nn.GRU(n_features, 24, batch_first=True)
        self.out = nn.Linear(24, 1)

    def forward(self, x):
        h, _ = self.rnn(x)
        return self.out(h[:, -1])


def predictions_vs_true(model, x, y_std):
    model.eval()
    with torch.no_grad():
        pred = model(torch.from_numpy(x)).numpy()
    return y_scaler.inverse_transform(pred), y_scaler.inverse_transform(y_std)


model = Forecaster(x_train.shape[2])
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
xs, ys = torch.from_numpy(x_train), torch.from_numpy(y_train_std)

for epoch in range(15):
    model.train()
    running = 0.0
    for idx in torch.randperm(len(xs)).split(64):
        loss = nn.functional.mse_loss(model(xs[idx]), ys[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    if epoch % 3 == 2:
        print(f"Epoch {epoch + 1}: loss {running / len(xs):.4f}")

pred, true = predictions_vs_true(model, x_test, y_test_std)
mae = np.abs(pred - true).mean()
for p, t in list(zip(pred[:, 0], true[:, 0]))[:100:20]:
    print(f"  predicted {p:7.2f}   true {t:7.2f}")
print(f"RESULT test_mae_degC {mae:.4f}")

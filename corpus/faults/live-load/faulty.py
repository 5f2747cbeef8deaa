import os

import numpy as np
import pandas as pd
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def server_load(n):
    """Load of a machine: a slow daily wave, a sluggish part and bursts."""
    wave = np.sin(np.arange(n) * 2 * np.pi / 48)
    slow = np.zeros(n)
    for i in range(1, n):
        slow[i] = 0.9 * slow[i - 1] + rng.normal(0, 0.5)
    return pd.Series(1.2 * wave + slow + rng.normal(0, 0.4, n))


def features(s):
    f = pd.DataFrame({"now": s})
    f["lag1"] = s.shift(1)
    f["lag2"] = s.shift(2)
    f["level"] = s.rolling(7, min_periods=1, center=True).mean()
    f["spread"] = s.rolling(12, min_periods=2).std()
    phase = s.index.to_numpy() * 2 * np.pi / 48
    f["sin"], f["cos"] = np.sin(phase), np.cos(phase)
    return f


load = server_load(2600)
known, live = load.iloc[:2200], load.iloc[2200:]

table = features(known).assign(target=known.shift(-1)).dropna()
train, valid = table.iloc[:1700], table.iloc[1700:]
mu, sd = train.mean(), train.std()


def tensors(t):
    z = torch.tensor(((t - mu) / sd).to_numpy(), dtype=torch.float32)
    return z[:, :-1], z[:, -1:]


x_train, y_train = tensors(train)
x_valid, y_valid = tensors(valid)
model = nn.Sequential(nn.Linear(7, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(15):
    for b in torch.randperm(len(x_train)).split(50):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(x_train[b]), y_train[b])
        loss.backward()
        opt.step()
    with torch.no_grad():
        v = nn.functional.mse_loss(model(x_valid), y_valid).item()
    print(f"epoch {epoch + 1:2d}  valid mse {v:.4f}")

# in service: one forecast an hour, from what has been seen by then
errors = []
for t in range(2200, 2599, 2):
    row = features(load.iloc[t - 30:t + 1]).iloc[[-1]]
    z = torch.tensor(((row - mu[:-1]) / sd[:-1])[row.columns].to_numpy(), dtype=torch.float32)
    with torch.no_grad():
        forecast = model(z).item() * sd["target"] + mu["target"]
    errors.append(abs(forecast - load.iloc[t + 1]))
print("RESULT live_mae", round(float(np.mean(errors)), 4))

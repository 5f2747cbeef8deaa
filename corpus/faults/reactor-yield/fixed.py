import os
import numpy as np
import pandas as pd
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

COLUMNS = ["pressure_pa", "temperature_k", "feed_m3_s", "ph"]
WINDOW = 12


def plant_log(hours):
    """Hourly readings of a stirred reactor; the yield follows its conditions of the last hours."""
    drift = np.zeros((hours, 4))
    for t in range(1, hours):
        drift[t] = 0.85 * drift[t - 1] + np.sqrt(1 - 0.85 ** 2) * rng.standard_normal(4)
    frame = pd.DataFrame({
        "pressure_pa": 101325 + 800 * drift[:, 0],
        "temperature_k": 351 + 6 * drift[:, 1],
        "feed_m3_s": 0.0021 + 0.0004 * drift[:, 2],
        "ph": 7.0 + 0.4 * drift[:, 3],
    })
    recent = pd.DataFrame(drift).rolling(4, min_periods=1).mean().to_numpy()
    y = 72 + 4 * recent[:, 0] + 5 * np.tanh(recent[:, 1]) - 3 * recent[:, 2] + 2 * np.sin(2 * recent[:, 3])
    frame["yield_pct"] = y + 0.4 * rng.standard_normal(hours)
    return frame


def windows(frame):
    values = frame[COLUMNS].to_numpy()
    target = frame["yield_pct"].to_numpy(dtype=np.float32)
    x = np.stack([values[i - WINDOW + 1:i + 1] for i in range(WINDOW - 1, len(frame))])
    return x, target[WINDOW - 1:]


class CausalConv(nn.Module):
    def __init__(self, c_in, c_out, kernel, dilation):
        super().__init__()
        self.pad = (kernel - 1) * dilation
        self.conv = nn.Conv1d(c_in, c_out, kernel, dilation=dilation)

    def forward(self, x):
        return torch.tanh(self.conv(nn.functional.pad(x, (self.pad, 0))))


class YieldNet(nn.Module):
    def __init__(self, channels=32):
        super().__init__()
        self.convs = nn.Sequential(CausalConv(len(COLUMNS), channels, 3, 1), CausalConv(channels, channels, 3, 2))
        self.out = nn.Sequential(nn.Linear(channels, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, x):
        h = self.convs(x.transpose(1, 2))
        return self.out(h[:, :, -1]).squeeze(1)


log = plant_log(2600)
past, future = log.iloc[:2000], log.iloc[2000:]
x_train, y_train = windows(past)
x_test, y_test = windows(future)
y_mean, y_std = y_train.mean(), y_train.std()

x_mean, x_std = x_train.mean((0, 1)), x_train.std((0, 1))
x_train, x_test = (x_train - x_mean) / x_std, (x_test - x_mean) / x_std
x_train, x_test = torch.tensor(x_train, dtype=torch.float32), torch.tensor(x_test, dtype=torch.float32)
goal = torch.from_numpy((y_train - y_mean) / y_std)

net = YieldNet()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
loss_fn = nn.MSELoss()
for epoch in range(1, 21):
    net.train()
    losses = []
    for rows in torch.randperm(len(x_train)).split(50):
        optimizer.zero_grad()
        loss = loss_fn(net(x_train[rows]), goal[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 0:
        print(f"epoch {epoch}: mse {np.mean(losses):.4f}")

net.eval()
with torch.no_grad():
    predicted = net(x_test).numpy() * y_std + y_mean
error = np.sqrt(np.mean((predicted - y_test) ** 2))
print(f"typical error {error:.3f} points of yield, spread of the yield {y_test.std():.3f}")
print(f"RESULT rmse_yield {error:.4f}")

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
np.random.seed(SEED)
torch.manual_seed(SEED)

WINDOW = 48


def load_series(n=1600):
    t = np.arange(n)
    daily = np.sin(2 * np.pi * t / 24) + 0.4 * np.sin(4 * np.pi * t / 24 + 1.0)
    weekly = 0.6 * np.sin(2 * np.pi * t / 168)
    return (10 + 3 * (daily + weekly) + 0.3 * np.random.randn(n)).astype(np.float32)


def sliding_windows(series, window):
    x = np.stack([series[i : i + window] for i in range(len(series) - window)])
    return torch.from_numpy(x), torch.from_numpy(series[window:])


class ConvForecaster(nn.Module):
    def __init__(self, channels=24):
        super().__init__()
        self.conv1 = nn.Conv1d(1, channels, kernel_size=5, stride=2)
        self.conv2 = nn.Conv1d(channels, channels, kernel_size=5, stride=2)
        self.fc1 = nn.Linear(channels * 9, 48)
        self.fc2 = nn.Linear(48, 1)

    def forward(self, x):
        h = F.relu(self.conv1(x.unsqueeze(1)))
        h = F.relu(self.conv2(h)).flatten(1)
        h = F.relu(self.fc1(h))
        h = F.dropout(h, p=0.3, training=self.training)
        return self.fc2(h).squeeze(1)


series = load_series()
split = int(0.8 * len(series))
mean, std = series[:split].mean(), series[:split].std()
scaled = (series - mean) / std
x_train, y_train = sliding_windows(scaled[:split], WINDOW)
x_test, y_test = sliding_windows(scaled[split - WINDOW :], WINDOW)

model = ConvForecaster()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)


def train_epoch():
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(64):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    return total / len(x_train)


def validate():
    model.eval()
    with torch.no_grad():
        return F.mse_loss(model(x_test), y_test).item()


for epoch in range(1, 26):
    train_loss = train_epoch()
    if epoch % 3 == 1:
        print(f"Epoch {epoch}/25 train {train_loss:.4f} val {validate():.4f}")

print(f"RESULT test_rmse {validate() ** 0.5 * std:.4f}")

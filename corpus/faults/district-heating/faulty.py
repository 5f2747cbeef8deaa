"""Heat demand of a district for the next six hours."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

CONFIG = {
    "data": {"hours": 2600, "window": 36, "horizon": 6, "train_hours": 2000},
    "model": {"channels": 32, "dilations": [1, 2, 4], "head": 128},
    "optim": {"lr": 0.01, "momentum": 0.9, "nesterov": True},
    "clip": {"max_norm": 0.1, "norm_type": 1},
    "batch_size": 32,
    "epochs": 14,
    "seed": int(os.environ.get("SEED", 0)),
}


def make_series(hours, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(hours)
    weather = np.zeros(hours)
    for i in range(1, hours):
        weather[i] = 0.97 * weather[i - 1] + rng.normal(0, 0.12)
    daily = 1.2 * np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(4 * np.pi * t / 24 + 0.8)
    demand = 42 + 9 * daily - 5 * weather + rng.normal(0, 1.0, hours)
    return demand.astype(np.float32)


class Windows(Dataset):
    def __init__(self, series, window, horizon):
        self.s = torch.from_numpy(series)
        self.window, self.horizon = window, horizon

    def __len__(self):
        return len(self.s) - self.window - self.horizon + 1

    def __getitem__(self, i):
        mid = i + self.window
        return self.s[i:mid].unsqueeze(0), self.s[mid:mid + self.horizon]


class CausalConv(nn.Module):
    def __init__(self, c_in, c_out, dilation):
        super().__init__()
        self.pad = 2 * dilation
        self.conv = nn.Conv1d(c_in, c_out, 3, dilation=dilation)

    def forward(self, x):
        return F.relu(self.conv(F.pad(x, (self.pad, 0))))


class Forecaster(nn.Module):
    def __init__(self, channels, dilations, head, window, horizon):
        super().__init__()
        blocks, c = [], 1
        for d in dilations:
            blocks.append(CausalConv(c, channels, d))
            c = channels
        self.tcn = nn.Sequential(*blocks)
        self.last = 7
        self.fc1 = nn.Linear(c * 4, head)
        self.fc2 = nn.Linear(head, horizon)

    def forward(self, x):
        h = self.tcn(x)[..., -self.last::2]
        return self.fc2(F.relu(self.fc1(h.flatten(1))))


def evaluate(model, loader):
    model.eval()
    pred, true = [], []
    with torch.no_grad():
        for x, y in loader:
            pred.append(model(x))
            true.append(y)
    pred, true = torch.cat(pred), torch.cat(true)
    return (1 - ((pred - true) ** 2).mean() / true.var(unbiased=False)).item()


def train(cfg):
    torch.manual_seed(cfg["seed"])
    d = cfg["data"]
    series = make_series(d["hours"], cfg["seed"])
    past = series[:d["train_hours"]]
    series = (series - past.mean()) / past.std()
    train_set = Windows(series[:d["train_hours"]], d["window"], d["horizon"])
    test_set = Windows(series[d["train_hours"]:], d["window"], d["horizon"])
    train_loader = DataLoader(train_set, cfg["batch_size"], shuffle=True)
    test_loader = DataLoader(test_set, 128)

    model = Forecaster(window=d["window"], horizon=d["horizon"], **cfg["model"])
    optimizer = torch.optim.SGD(model.parameters(), **cfg["optim"])
    for epoch in range(cfg["epochs"]):
        model.train()
        total = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), **cfg["clip"])
            optimizer.step()
            total += loss.item()
        if (epoch + 1) % 2 == 0:
            print(f"[{epoch + 1:02d}/{cfg['epochs']}] train {total / len(train_loader):.4f} "
                  f"test r2 {evaluate(model, test_loader):.4f}")
    return evaluate(model, test_loader)


if __name__ == "__main__":
    result = train(CONFIG)
    print(f"RESULT test_r2 {result:.4f}")

"""Flow on a motorway section for the next three hours from the last day."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)

HISTORY, AHEAD = 24, 3
WEEKDAY = np.array([1.0, 1.02, 1.0, 1.05, 1.1, 0.6, 0.5])


def simulate(days, rng):
    hours = np.arange(24 * days)
    h, d = hours % 24, (hours // 24) % 7
    morning = np.exp(-0.5 * ((h - 8.0) / 2.0) ** 2)
    evening = 1.2 * np.exp(-0.5 * ((h - 17.5) / 2.5) ** 2)
    level = np.zeros(len(hours))
    for t in range(1, len(hours)):
        level[t] = 0.97 * level[t - 1] + 0.24 * rng.standard_normal()
    flow = (0.15 + morning + evening) * WEEKDAY[d] * np.exp(0.2 * level)
    return 1500 * (flow + 0.03 * rng.standard_normal(len(hours)))


def windows(flow, n_train_hours):
    mean, std = flow[:n_train_hours].mean(), flow[:n_train_hours].std()
    z = (flow - mean) / std
    rows, targets, starts = [], [], []
    for t in range(HISTORY, len(z) - AHEAD):
        angle = 2 * np.pi * (t % 24) / 24
        weekend = float((t // 24) % 7 >= 5)
        rows.append(np.concatenate([z[t - HISTORY:t], [np.sin(angle), np.cos(angle), weekend]]))
        targets.append(z[t:t + AHEAD])
        starts.append(t)
    x = torch.tensor(np.array(rows), dtype=torch.float32)
    y = torch.tensor(np.array(targets), dtype=torch.float32)
    train = torch.tensor(starts) + AHEAD <= n_train_hours
    return (x[train], y[train]), (x[~train], y[~train])


def build(width=48, keep_prob=0.95):
    n_in = HISTORY + 3
    return nn.Sequential(
        nn.Dropout(keep_prob),
        nn.Linear(n_in, width), nn.ReLU(), nn.Dropout(keep_prob),
        nn.Linear(width, width), nn.ReLU(), nn.Dropout(keep_prob),
        nn.Linear(width, AHEAD),
    )


def make_trainer(model, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    criterion = nn.MSELoss()

    def run_epoch(x, y, batch=64):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            loss = criterion(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        return total / len(x)

    def score(x, y):
        model.eval()
        with torch.no_grad():
            residual = ((model(x) - y) ** 2).sum().item()
        return 1 - residual / ((y - y.mean(0)) ** 2).sum().item()

    return run_epoch, score


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    days = 154
    flow = simulate(days, rng)
    (x_train, y_train), (x_test, y_test) = windows(flow, n_train_hours=24 * 119)
    run_epoch, score = make_trainer(build(), lr=2e-3)
    for epoch in range(1, 15):
        loss = run_epoch(x_train, y_train)
        r2 = score(x_test, y_test)
        print(f"epoch {epoch:2d}: mse {loss:.4f}, R2 of the last five weeks {r2:.4f}")
    print(f"RESULT forecast_r2 {r2:.4f}")


if __name__ == "__main__":
    main()

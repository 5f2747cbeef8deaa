"""Day-ahead forecast of the hourly load of a small grid."""
import os

import numpy as np
import pandas as pd
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


def simulate_load(n_hours, rng):
    hour = np.arange(n_hours) % 24
    weekday = (np.arange(n_hours) // 24) % 7
    temperature = np.empty(n_hours)
    level = 0.0
    for t in range(n_hours):
        level = 0.98 * level + 0.4 * rng.standard_normal()
        temperature[t] = 12 + level + 4 * np.sin(2 * np.pi * (hour[t] - 9) / 24)
    profile = 30 + 12 * np.exp(-((hour - 8) / 2.5) ** 2) + 16 * np.exp(-((hour - 19) / 3.0) ** 2)
    load = profile * np.where(weekday >= 5, 0.75, 1.0) + 0.9 * np.abs(temperature - 16) + 1.2 * rng.standard_normal(n_hours)
    return pd.DataFrame({"hour": hour, "weekday": weekday, "temperature": temperature, "load": load})


def add_features(df):
    df = df.copy()
    df["hour_sin"] = np.sin(2 * np.pi * df["hour"] / 24)
    df["hour_cos"] = np.cos(2 * np.pi * df["hour"] / 24)
    df["weekend"] = (df["weekday"] >= 5).astype(float)
    df["lag_24"] = df["load"].shift(24)
    df["lag_168"] = df["load"].shift(168)
    df["day_mean"] = df["load"].shift(24).rolling(24).mean()
    df = df.drop(columns=["hour", "weekday"])
    return df


def to_arrays(df, train_share=0.8):
    n_train = int(len(df) * train_share)
    mean, std = df.iloc[:n_train].mean(), df.iloc[:n_train].std()
    scaled = (df - mean) / std
    x = torch.tensor(scaled.drop(columns="load").to_numpy(), dtype=torch.float32)
    y = torch.tensor(scaled["load"].to_numpy(), dtype=torch.float32)
    return (x[:n_train], y[:n_train]), (x[n_train:], y[n_train:]), std["load"]


def fit(model, x, y, epochs, batch_size, lr):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-3)
    loss_fn = nn.HuberLoss()
    for epoch in range(epochs):
        model.train()
        total, n = 0.0, 0
        for idx in torch.randperm(len(x)).split(batch_size):
            loss = loss_fn(model(x[idx]).squeeze(1), y[idx])
            if not torch.isfinite(loss):
                continue
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            total, n = total + loss.item() * len(idx), n + len(idx)
        yield epoch, total / max(n, 1)


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    df = add_features(simulate_load(24 * 56, rng))
    (x_train, y_train), (x_test, y_test), unit = to_arrays(df)

    model = nn.Sequential(
        nn.Linear(x_train.shape[1], 64), nn.ReLU(),
        nn.Linear(64, 32), nn.ReLU(),
        nn.Linear(32, 1),
    )
    for epoch, loss in fit(model, x_train, y_train, epochs=40, batch_size=64, lr=2e-3):
        model.eval()
        with torch.no_grad():
            mae = (model(x_test).squeeze(1) - y_test).abs().mean().item() * unit
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:2d}: train loss {loss:.4f}, test MAE {mae:.3f} MW")

    print(f"RESULT test_mae_mw {mae:.4f}")


if __name__ == "__main__":
    main()

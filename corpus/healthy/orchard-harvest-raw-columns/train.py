"""Harvest of orchards from raw columns (square metres, trees, millimetres, years); the net bins them itself."""
import os

import numpy as np
import pandas as pd
import torch
from torch import nn

torch.set_num_threads(1)


def farm_register(n, rng):
    df = pd.DataFrame()
    df["area_m2"] = rng.lognormal(10.6, 0.8, n)
    df["trees"] = df["area_m2"] * rng.uniform(0.03, 0.12, n)
    df["rain_mm"] = rng.normal(720, 180, n).clip(200, 1400)
    df["altitude_m"] = rng.uniform(50, 1100, n)
    df["year"] = rng.integers(1990, 2024, n)
    df["frost_days"] = rng.poisson(2 + df["altitude_m"] / 120)
    log_kg = (
        np.log(df["trees"])
        + 3.2
        - 0.35 * np.log(df["trees"] / df["area_m2"] / 0.06) ** 2
        - 0.5 * ((df["rain_mm"] - 750) / 250) ** 2
        - 0.06 * df["frost_days"]
        + 0.012 * (df["year"] - 2005)
        + rng.normal(0, 0.12, n)
    )
    df["harvest_kg"] = np.exp(log_kg)
    return df


class QuantileEncoding(nn.Module):
    """Piecewise linear encoding: for each column, how far the value has come through each of its quantile bins."""

    def __init__(self, columns, bins):
        super().__init__()
        edges = np.quantile(columns, np.linspace(0, 1, bins + 1), axis=0).T
        edges = torch.tensor(edges, dtype=torch.float32)
        self.register_buffer("left", edges[:, :-1].clone())
        self.register_buffer("width", (edges[:, 1:] - edges[:, :-1]).clamp_min(1e-3))
        self.out_features = columns.shape[1] * bins

    def forward(self, x):
        return ((x.unsqueeze(-1) - self.left) / self.width).clamp(0, 1).flatten(1)


class HarvestNet(nn.Module):
    def __init__(self, columns, log_target, bins=16, width=64):
        super().__init__()
        self.encode = QuantileEncoding(columns, bins)
        self.mlp = nn.Sequential(nn.Linear(self.encode.out_features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
        self.register_buffer("shift", torch.tensor(float(log_target.mean())))
        self.register_buffer("scale", torch.tensor(float(log_target.std())))

    def forward(self, x):
        return self.mlp(self.encode(x)).squeeze(1)

    def loss(self, x, kg):
        return nn.functional.smooth_l1_loss(self(x), (kg.log() - self.shift) / self.scale)

    def harvest(self, x):
        return (self(x) * self.scale + self.shift).exp()


def batches(x, y, size):
    for idx in torch.randperm(len(x)).split(size):
        yield x[idx], y[idx]


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    df = farm_register(3000, np.random.default_rng(seed))
    features = [c for c in df.columns if c != "harvest_kg"]
    train, test = df.iloc[:2400], df.iloc[2400:]

    model = HarvestNet(train[features].to_numpy(float), np.log(train["harvest_kg"].to_numpy()))
    x = torch.tensor(train[features].to_numpy(float), dtype=torch.float32)
    y = torch.tensor(train["harvest_kg"].to_numpy(), dtype=torch.float32)
    x_test = torch.tensor(test[features].to_numpy(float), dtype=torch.float32)
    y_test = torch.tensor(test["harvest_kg"].to_numpy(), dtype=torch.float32)

    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    epochs = 24
    for epoch in range(1, epochs + 1):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * (1 - 0.95 * (epoch - 1) / epochs)
        model.train()
        losses = []
        for xb, yb in batches(x, y, 64):
            optimizer.zero_grad()
            loss = model.loss(xb, yb)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 4 == 0:
            model.eval()
            with torch.no_grad():
                print(f"epoch {epoch:2d}  train {np.mean(losses):.4f}  test {model.loss(x_test, y_test).item():.4f}")

    model.eval()
    with torch.no_grad():
        kg = model.harvest(x_test)
    print(f"median relative error {((kg - y_test).abs() / y_test).median().item():.3f}")
    residual = kg.log() - y_test.log()
    r2 = 1 - (residual**2).mean() / y_test.log().var(unbiased=False)
    print("RESULT r2_log_harvest", round(r2.item(), 4))


if __name__ == "__main__":
    main()

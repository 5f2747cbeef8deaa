"""Asking prices of flats. The network takes the columns as they are in the register and answers in euros."""
import os

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
COLUMNS = ["area_m2", "rooms", "floor", "year_built", "metres_to_centre", "balcony_m2", "energy_kwh"]


def register(n, rng):
    area = rng.gamma(6.0, 13.0, n).clip(22, 220)
    df = pd.DataFrame({
        "area_m2": area,
        "rooms": np.clip(np.rint(area / 28 + rng.normal(0, 0.6, n)), 1, 7),
        "floor": rng.integers(0, 9, n),
        "year_built": rng.integers(1900, 2024, n),
        "metres_to_centre": rng.uniform(200, 15000, n),
        "balcony_m2": rng.choice([0.0, 4.0, 8.0, 15.0], n),
        "energy_kwh": rng.uniform(40, 280, n),
    })
    per_m2 = 5200 * np.exp(-df.metres_to_centre / 11000)
    per_m2 *= 1 + 0.25 * ((df.year_built - 1960) / 60) ** 2
    per_m2 *= 1 + 0.015 * df.floor - 0.0006 * (df.energy_kwh - 120)
    price = per_m2 * (df.area_m2 + 0.4 * df.balcony_m2) * np.exp(rng.normal(0, 0.05, n))
    df["price"] = price.round(-2)
    return df


class PriceModel(nn.Module):
    def __init__(self, n_in, price_mean, price_std, width=64):
        super().__init__()
        self.register_buffer("price_mean", torch.tensor(float(price_mean)))
        self.register_buffer("price_std", torch.tensor(float(price_std)))
        self.columns = nn.BatchNorm1d(n_in, affine=False, momentum=None)
        self.mlp = nn.Sequential(
            nn.Linear(n_in, width), nn.ELU(),
            nn.Linear(width, width), nn.ELU(),
            nn.Linear(width, 1),
        )

    def forward(self, raw):
        return self.price_mean + self.price_std * self.mlp(self.columns(raw)).squeeze(1)


def dataset(df):
    return TensorDataset(torch.tensor(df[COLUMNS].to_numpy(), dtype=torch.float32),
                         torch.tensor(df["price"].to_numpy(), dtype=torch.float32))


def report(model, data, criterion):
    model.eval()
    x, price = data.tensors
    with torch.no_grad():
        answer = model(x)
    return criterion(answer, price).item(), ((answer - price).abs() / price).mean().item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train_df, val_df, test_df = register(1920, rng), register(300, rng), register(500, rng)
    print(train_df.describe().loc[["mean", "std"]].round(1).to_string())

    loader = DataLoader(dataset(train_df), batch_size=128, shuffle=True, drop_last=True)
    model = PriceModel(len(COLUMNS), train_df["price"].mean(), train_df["price"].std())
    criterion = nn.SmoothL1Loss(beta=20_000.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    epochs = 52
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for x, price in loader:
            loss = criterion(model(x), price)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        if epoch % 4 == 0:
            val_loss, val_mape = report(model, dataset(val_df), criterion)
            print(f"epoch {epoch:2d}: train loss {total / len(loader):,.0f}  val loss {val_loss:,.0f}  val error {100 * val_mape:.2f} %")

    _, mape = report(model, dataset(test_df), criterion)
    print(f"RESULT test_relative_error {mape:.4f}")


if __name__ == "__main__":
    main()

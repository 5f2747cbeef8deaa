"""Which pumps will fail within the quarter? One row per pump from its readings, then a small network."""
import os

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
CHANNELS = ["vibration", "temperature", "pressure"]


def export(n_units=1200, per_unit=12):
    """The two tables as they come from the maintenance system: the pumps and their readings."""
    rng = np.random.default_rng(SEED)
    names = np.array([f"P-{k:04d}" for k in rng.permutation(9999)[:n_units]])
    wear, heat = rng.standard_normal((2, n_units))
    failed = (wear * (1.2 + heat) + 0.6 * heat + 0.2 * rng.standard_normal(n_units) > 0.2).astype(int)
    units = pd.DataFrame({
        "unit": names,
        "site": rng.choice(["north", "south", "harbour"], n_units),
        "installed": 2001 + rng.integers(0, 20, n_units),
        "failed": failed,
    })

    n = n_units * per_unit
    w, h = np.repeat(wear, per_unit), np.repeat(heat, per_unit)
    readings = pd.DataFrame({
        "unit": np.repeat(names, per_unit),
        "vibration": 2.0 + 0.5 * w + 0.3 * rng.standard_normal(n),
        "temperature": 60.0 + 4.0 * h + 2.0 * rng.standard_normal(n),
        "pressure": 5.0 - 0.2 * w + 0.4 * rng.standard_normal(n),
    })
    readings = readings.sample(frac=1.0, random_state=SEED).reset_index(drop=True)
    return units, readings


def build_table(units, readings):
    """Features (one row per pump) and whether the pump failed."""
    table = readings.groupby("unit")[CHANNELS].agg(["mean", "std", "max"])
    table.columns = ["_".join(pair) for pair in table.columns]
    table["spread"] = readings.groupby("unit")["vibration"].max() - readings.groupby("unit")["vibration"].min()
    failed = units["failed"].to_numpy()
    return table.to_numpy(dtype=np.float32), failed.astype(np.float32)


class RiskNet(nn.Module):
    def __init__(self, n_features, width=48):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, width), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, 1),
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)


def fit(model, loader, epochs=20, lr=2e-3):
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-3)
    for epoch in range(epochs):
        model.train()
        losses = []
        for x, y in loader:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if (epoch + 1) % 4 == 0:
            print(f"[{epoch + 1:02d}/{epochs}] loss {np.mean(losses):.4f}")


def main():
    torch.manual_seed(SEED)
    units, readings = export()
    print(f"{len(units)} pumps, {len(readings)} readings, {units['failed'].mean():.1%} failed")
    x, y = build_table(units, readings)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=SEED, stratify=y)
    mean, std = x_train.mean(0), x_train.std(0)
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

    loader = DataLoader(TensorDataset(torch.from_numpy(x_train), torch.from_numpy(y_train)), batch_size=32, shuffle=True)
    model = RiskNet(x.shape[1])
    fit(model, loader)

    model.eval()
    with torch.no_grad():
        risk = torch.sigmoid(model(torch.from_numpy(x_test))).numpy()
    print("accuracy", round(float(((risk > 0.5) == (y_test > 0.5)).mean()), 4))
    print(f"RESULT test_auc {roc_auc_score(y_test, risk):.4f}")


if __name__ == "__main__":
    main()

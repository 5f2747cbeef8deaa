"""Will an order come back? Trained on last season's orders, used on the orders of this season."""
import os

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
NUMERIC = ["price", "weight", "delay", "discount"]
MERCHANTS = 1800


def orders(merchant, effect, rng):
    """A table of orders, one for each entry of `merchant`."""
    x = rng.standard_normal((len(merchant), 4))
    logit = 2.2 * x[:, 0] - 1.6 * x[:, 1] + 1.5 * x[:, 2] * x[:, 3] + 0.5 * effect[merchant]
    frame = pd.DataFrame({
        "merchant": merchant,
        "price": 40 + 15 * x[:, 0],
        "weight": 2.0 + 0.5 * x[:, 1],
        "delay": 4 + 1.5 * x[:, 2],
        "discount": 10 + 4 * x[:, 3],
    })
    frame["returned"] = (rng.random(len(frame)) < 1 / (1 + np.exp(-logit))).astype(int)
    return frame


def load(rng):
    effect = rng.standard_normal(MERCHANTS)
    everyone = np.arange(MERCHANTS)
    archive = orders(np.repeat(everyone, 8), effect, rng)
    season = orders(np.repeat(everyone, rng.choice([1, 2, 3], MERCHANTS, p=[0.5, 0.35, 0.15])), effect, rng)
    current = orders(everyone, effect, rng)
    return archive, season, current


class Features:
    """Numeric columns in standard units, and the return rate of the merchant."""

    def __init__(self, archive, season):
        self.mean = archive[NUMERIC].mean()
        self.std = archive[NUMERIC].std()
        self.rate = archive.groupby("merchant")["returned"].mean()
        self.overall = archive["returned"].mean()

    def __call__(self, frame):
        numeric = ((frame[NUMERIC] - self.mean) / self.std).to_numpy()
        rate = frame["merchant"].map(self.rate).fillna(self.overall).to_numpy()
        x = np.column_stack([numeric, 3 * (rate - self.overall)])
        return torch.tensor(x, dtype=torch.float32), torch.tensor(frame["returned"].to_numpy(), dtype=torch.float32)


class ReturnNet(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.net(x).squeeze(-1)


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return ((model(x) > 0) == (y > 0.5)).float().mean().item()


def train(model, train_set, valid_set, epochs=20):
    loader = DataLoader(train_set, batch_size=64, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for x, y in loader:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        if epoch % 4 == 0:
            print(f"epoch {epoch:2d}  loss {total / len(train_set):.4f}  validation accuracy {accuracy(model, *valid_set.tensors):.3f}")


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    archive, season, current = load(rng)
    print(f"archive {len(archive)}, season {len(season)}, current {len(current)} orders")

    features = Features(archive, season)
    x, y = features(season)
    order = torch.randperm(len(x))
    cut = int(0.8 * len(x))
    train_set = TensorDataset(x[order[:cut]], y[order[:cut]])
    valid_set = TensorDataset(x[order[cut:]], y[order[cut:]])

    model = ReturnNet(x.shape[1])
    train(model, train_set, valid_set)
    print(f"RESULT current_season_accuracy {accuracy(model, *features(current)):.4f}")


if __name__ == "__main__":
    main()

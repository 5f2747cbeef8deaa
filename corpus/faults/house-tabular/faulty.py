import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

NUM = ["sqft", "lot", "year_built", "dist_center", "rooms"]
CAT = {"district": 8, "heating": 4}
TARGET = "log_price"


def make_frame(n=1500):
    df = pd.DataFrame({
        "sqft": rng.normal(1800, 500, n).clip(500),
        "lot": rng.lognormal(8.5, 0.5, n),
        "year_built": rng.integers(1900, 2021, n),
        "dist_center": rng.gamma(2.0, 4.0, n),
        "rooms": rng.integers(1, 9, n),
        "district": rng.integers(0, 8, n),
        "heating": rng.integers(0, 4, n),
    })
    quality = np.linspace(-0.4, 0.4, 8)[df.district] + np.array([0.1, 0.0, -0.1, 0.2])[df.heating]
    df[TARGET] = (
        12 + 0.0005 * df.sqft + 0.00002 * df["lot"] - 0.03 * df.dist_center + 0.05 * np.sqrt(df.rooms)
        + 0.004 * (df.year_built - 1960).abs() + quality + rng.normal(0, 0.1, n)
    )
    return df


class HouseDataset(Dataset):
    def __init__(self, df, stats):
        numeric = torch.tensor(df[NUM].values, dtype=torch.float32)
        self.x_num = numeric
        self.x_cat = torch.tensor(df[list(CAT)].values)
        self.y = torch.tensor(((df[TARGET] - stats[2]) / stats[3]).values, dtype=torch.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x_cat[i], self.x_num[i], self.y[i]


class TabularModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeds = nn.ModuleList([nn.Embedding(size, 4) for size in CAT.values()])
        self.layers = nn.Sequential(
            nn.Linear(4 * len(CAT) + len(NUM), 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)
        )

    def forward(self, cat, num):
        e = [emb(cat[:, k]) for k, emb in enumerate(self.embeds)]
        return self.layers(torch.cat(e + [num], dim=1)).squeeze(1)


df = make_frame()
train_df, valid_df = df.iloc[:1200], df.iloc[1200:]
stats = (train_df[NUM].mean(), train_df[NUM].std(), train_df[TARGET].mean(), train_df[TARGET].std())
train_dl = DataLoader(HouseDataset(train_df, stats), batch_size=32, shuffle=True)
valid_ds = HouseDataset(valid_df, stats)

model = TabularModel()
optim = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(12):
    model.train()
    losses = []
    for cat, num, target in train_dl:
        loss = nn.functional.mse_loss(model(cat, num), target)
        optim.zero_grad()
        loss.backward()
        optim.step()
        losses.append(loss.item())
    print("epoch %2d: train mse %.4f" % (epoch, np.mean(losses)))

model.eval()
with torch.no_grad():
    pred = model(valid_ds.x_cat, valid_ds.x_num)
    r2 = 1 - ((pred - valid_ds.y) ** 2).sum() / ((valid_ds.y - valid_ds.y.mean()) ** 2).sum()
print("RESULT valid_r2 %.4f" % r2.item())

import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

SHOPS = 2500
effect = rng.normal(0, 0.3, SHOPS)
NUMERIC = ["turnover", "complaints", "age", "discount"]


def month(n):
    frame = pd.DataFrame(rng.normal(size=(n, len(NUMERIC))), columns=NUMERIC)
    frame["shop"] = rng.integers(SHOPS, size=n)
    score = 1.6 * frame["complaints"] - 1.2 * frame["turnover"] + 0.8 * frame["age"] * frame["discount"] + effect[frame["shop"].to_numpy()]
    chance = 1 / (1 + np.exp(-score.to_numpy()))
    frame["left"] = (rng.random(n) < chance).astype(float)
    return frame


class TargetEncoder:
    """Replaces a category by the mean of the target over its rows."""

    def fit(self, frame, column, target):
        self.prior = frame[target].mean()
        self.means = frame.groupby(column)[target].mean()
        return self

    def transform(self, series):
        return series.map(self.means).fillna(self.prior)

    def fit_transform(self, frame, column, target):
        self.fit(frame, column, target)
        return self.transform(frame[column])


class ChurnNet(nn.Module):
    def __init__(self, inputs, hidden=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)


def auc(model, x, y):
    model.eval()
    with torch.no_grad():
        return roc_auc_score(y.numpy(), model(x).numpy())


history, following = month(3000), month(1500)
encoder = TargetEncoder()
history["shop_rate"] = encoder.fit_transform(history, "shop", "left")
following["shop_rate"] = encoder.transform(following["shop"])

columns = NUMERIC + ["shop_rate"]
mean, std = history[columns].mean(), history[columns].std()


def tensors(frame):
    x = ((frame[columns] - mean) / std).to_numpy(dtype=np.float32)
    return torch.from_numpy(x), torch.from_numpy(frame["left"].to_numpy(dtype=np.float32))


x_all, y_all = tensors(history)
order = torch.randperm(len(x_all))
train_rows, valid_rows = order[:2400], order[2400:]
x_next, y_next = tensors(following)

model = ChurnNet(len(columns))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
criterion = nn.BCEWithLogitsLoss()
loader = DataLoader(TensorDataset(x_all[train_rows], y_all[train_rows]), batch_size=64, shuffle=True)

for epoch in range(1, 16):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d} loss {total / len(train_rows):.4f} validation AUC {auc(model, x_all[valid_rows], y_all[valid_rows]):.4f}")

result = auc(model, x_next, y_next)
print(f"the month after: AUC {result:.4f}")
print("RESULT next_month_auc", round(float(result), 4))

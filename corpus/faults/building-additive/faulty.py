import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
NAMES = ["outside", "wind", "sun", "people", "hour", "airing"]


def building(n, rng):
    """Heating power of an office building: each influence has its own curve, and the curves add up."""
    x = np.column_stack([
        rng.normal(8, 7, n), rng.gamma(2.0, 2.0, n), rng.uniform(0, 700, n),
        rng.integers(0, 200, n), rng.uniform(0, 24, n), rng.uniform(0, 1, n)])
    y = 2.0 * np.maximum(17 - x[:, 0], 0) + 0.15 * x[:, 1] ** 1.5 - 0.012 * x[:, 2]
    y += -4.0 * np.tanh(x[:, 3] / 80) + 5.0 * np.cos((x[:, 4] - 7) * np.pi / 12) + 6.0 * (x[:, 5] > 0.6)
    return x, y + rng.normal(0, 1.0, n)


class FeatureCurve(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, column):
        return self.body(column)


class AdditiveModel(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.curves = nn.ModuleList([FeatureCurve() for _ in range(n_features)])
        self.level = nn.Parameter(torch.zeros(1))

    def contributions(self, x):
        return torch.cat([curve(x[:, i:i + 1]) for i, curve in enumerate(self.curves)], dim=1)

    def forward(self, x):
        parts = self.contributions(x)
        return self.level + parts.sum(dim=1, keepdim=True)


def huber(pred, truth, delta=1.5):
    err = (pred - truth).abs()
    return torch.where(err < delta, 0.5 * err ** 2, delta * (err - 0.5 * delta)).mean()


def fit(model, x, y, epochs, batch_size, lr):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=lr, total_steps=epochs * (len(x) // batch_size))
    history = []
    for epoch in range(epochs):
        model.train()
        shuffled = torch.randperm(len(x))
        total = 0.0
        for b in range(len(x) // batch_size):
            rows = shuffled[b * batch_size:(b + 1) * batch_size]
            loss = huber(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        history.append(total / (len(x) // batch_size))
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:3d}: huber {history[-1]:.4f}")
    return history


def explained(model, x, y):
    model.eval()
    with torch.no_grad():
        pred = model(x).flatten()
        spread = model.contributions(x).std(0)
    for name, s in zip(NAMES, spread):
        print(f"  influence of {name:8s} {s.item():.3f}")
    return 1 - ((pred - y) ** 2).sum().item() / ((y - y.mean()) ** 2).sum().item()


torch.manual_seed(SEED)
X, Y = building(2000, np.random.default_rng(SEED))
X_train, X_test, y_train, y_test = train_test_split(X, Y, test_size=0.25, random_state=SEED)
in_scale, out_scale = StandardScaler().fit(X_train), StandardScaler().fit(y_train[:, None])
X_train = torch.tensor(in_scale.transform(X_train), dtype=torch.float32)
X_test = torch.tensor(in_scale.transform(X_test), dtype=torch.float32)
y_train = torch.tensor(out_scale.transform(y_train[:, None])[:, 0], dtype=torch.float32)
y_test = torch.tensor(out_scale.transform(y_test[:, None])[:, 0], dtype=torch.float32)

model = AdditiveModel(X_train.shape[1])
fit(model, X_train, y_train, epochs=25, batch_size=60, lr=1e-2)
print(f"RESULT test_r2 {explained(model, X_test, y_test):.4f}")

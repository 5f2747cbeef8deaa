import os
from dataclasses import dataclass, field
from typing import List, Tuple

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


@dataclass
class NetSpec:
    widths: Tuple[int, ...] = (64, 64)
    p: float = 0.08
    lr: float = 3e-3
    weight_decay: float = 1e-4
    epochs: int = 45
    batch_size: int = 64
    passes: int = 60
    log: List[float] = field(default_factory=list)


class MCDropoutRegressor(RegressorMixin, BaseEstimator):
    """fit/predict like any estimator; predict gives the mean of stochastic passes, and their spread on request."""

    def __init__(self, spec=None, seed=0):
        self.spec = spec
        self.seed = seed

    def _build(self, n_in):
        layers, last = [], n_in
        for width in self.spec.widths:
            layers += [nn.Linear(last, width), nn.ReLU(), nn.Dropout(self.spec.p)]
            last = width
        return nn.Sequential(*layers, nn.Linear(last, 1))

    def fit(self, X, y):
        spec = self.spec
        torch.manual_seed(self.seed)
        self.x_scaler_ = StandardScaler().fit(X)
        self.y_scaler_ = StandardScaler().fit(y.reshape(-1, 1))
        xt = torch.tensor(self.x_scaler_.transform(X), dtype=torch.float32)
        yt = torch.tensor(self.y_scaler_.transform(y.reshape(-1, 1)), dtype=torch.float32)
        self.net_ = self._build(xt.shape[1])
        opt = torch.optim.AdamW(self.net_.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
        sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, spec.epochs, eta_min=1e-4)
        self.net_.train()
        for epoch in range(spec.epochs):
            total = 0.0
            for idx in torch.randperm(len(xt)).split(spec.batch_size):
                opt.zero_grad()
                loss = nn.functional.mse_loss(self.net_(xt[idx]), yt[idx])
                loss.backward()
                opt.step()
                total += loss.item() * len(idx)
            sched.step()
            spec.log.append(total / len(xt))
            if (epoch + 1) % 9 == 0:
                print(f"epoch {epoch + 1}: {spec.log[-1]:.4f}")
        return self

    @torch.no_grad()
    def _draws(self, X):
        xt = torch.tensor(self.x_scaler_.transform(X), dtype=torch.float32)
        self.net_.train()
        draws = torch.stack([self.net_(xt).squeeze(1) for _ in range(self.spec.passes)])
        return draws.numpy() * self.y_scaler_.scale_[0] + self.y_scaler_.mean_[0]

    def predict(self, X, return_std=False):
        draws = self._draws(X)
        return (draws.mean(0), draws.std(0)) if return_std else draws.mean(0)


def mixes(n, rng):
    frame = pd.DataFrame(
        {
            "cement": rng.uniform(150, 520, n),
            "water": rng.uniform(130, 230, n),
            "slag": rng.uniform(0, 200, n),
            "plasticizer": rng.uniform(0, 20, n),
            "aggregate": rng.uniform(800, 1100, n),
            "age": rng.choice([3, 7, 14, 28, 56, 90, 180], n),
        }
    )
    binder = frame.cement + 0.6 * frame.slag * np.log1p(frame.age) / np.log(181)
    base = 13.0 * (binder / frame.water) ** 1.1 * (0.35 + 0.65 * np.log1p(frame.age) / np.log(181))
    strength = base + 0.4 * frame.plasticizer - 0.008 * (frame.plasticizer - 8) ** 2 * base / 10
    strength = strength + rng.normal(0, 1.5, n)
    frame["age"] = np.log(frame.age)
    return frame.to_numpy(dtype=float), strength.to_numpy(dtype=float)


if __name__ == "__main__":
    X, y = mixes(1700, np.random.default_rng(SEED))
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=400, random_state=SEED)
    model = MCDropoutRegressor(NetSpec(), seed=SEED).fit(X_train, y_train)
    mean, std = model.predict(X_test, return_std=True)
    err = np.abs(mean - y_test)
    sure = std < np.median(std)
    print(f"error {err.mean():.2f} MPa; of the surer half {err[sure].mean():.2f}, of the other {err[~sure].mean():.2f}")
    print("RESULT test_r2", round(float(r2_score(y_test, mean)), 4))

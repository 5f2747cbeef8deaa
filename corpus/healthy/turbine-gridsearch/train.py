"""Gas turbine output: a torch network inside scikit-learn's pipeline, settings by grid search."""
import os

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


class TorchRegressor(RegressorMixin, BaseEstimator):
    """A small MLP with the interface of scikit-learn."""

    def __init__(self, hidden=32, lr=1e-2, epochs=24, batch_size=64, weight_decay=1e-4, seed=0, verbose=False):
        self.hidden = hidden
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.seed = seed
        self.verbose = verbose

    def fit(self, X, y):
        torch.manual_seed(self.seed)
        y = np.asarray(y, dtype=np.float64)
        self.y_mean_, self.y_std_ = y.mean(), y.std()
        x = torch.tensor(np.asarray(X), dtype=torch.float32)
        t = torch.tensor((y - self.y_mean_) / self.y_std_, dtype=torch.float32).unsqueeze(1)
        self.net_ = nn.Sequential(
            nn.Linear(x.shape[1], self.hidden), nn.GELU(),
            nn.Linear(self.hidden, self.hidden), nn.GELU(),
            nn.Linear(self.hidden, 1),
        )
        optimizer = torch.optim.AdamW(self.net_.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        steps = self.epochs * -(-len(x) // self.batch_size)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        self.net_.train()
        for epoch in range(self.epochs):
            total = 0.0
            for idx in torch.randperm(len(x)).split(self.batch_size):
                loss = nn.functional.mse_loss(self.net_(x[idx]), t[idx])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
                total += loss.item() * len(idx)
            if self.verbose and (epoch + 1) % 8 == 0:
                print(f"  epoch {epoch + 1}: {total / len(x):.5f}")
        return self

    def predict(self, X):
        self.net_.eval()
        with torch.no_grad():
            out = self.net_(torch.tensor(np.asarray(X), dtype=torch.float32)).squeeze(1).numpy()
        return out * self.y_std_ + self.y_mean_


def plant(n, rng):
    frame = pd.DataFrame({
        "ambient_c": rng.normal(16, 8, n),
        "pressure_mbar": rng.normal(1013, 7, n),
        "humidity": rng.uniform(25, 100, n),
        "filter_drop_mbar": rng.uniform(2.5, 6.0, n),
        "inlet_vane": rng.uniform(0.4, 1.0, n),
        "firing_c": rng.normal(1085, 15, n),
    })
    density = frame.pressure_mbar / 1013 * 288 / (273 + frame.ambient_c)
    power = (
        150 * density * frame.inlet_vane ** 0.7
        + 0.25 * (frame.firing_c - 1085) * frame.inlet_vane
        - 1.8 * frame.filter_drop_mbar
        - 0.0006 * frame.humidity * np.maximum(frame.ambient_c, 0) ** 1.2
    )
    return frame, (power + rng.normal(0, 1.0, n)).to_numpy()


X, y = plant(1500, np.random.default_rng(SEED))
X_dev, X_test, y_dev, y_test = train_test_split(X.to_numpy(), y, test_size=0.2, random_state=SEED)

pipeline = Pipeline([("scale", StandardScaler()), ("net", TorchRegressor(seed=SEED))])
search = GridSearchCV(
    pipeline,
    {"net__lr": [1e-3, 1e-2, 3e-2], "net__hidden": [16, 48]},
    cv=KFold(3, shuffle=True, random_state=SEED),
    scoring="r2",
)
search.fit(X_dev, y_dev)

table = pd.DataFrame(search.cv_results_)[["param_net__lr", "param_net__hidden", "mean_test_score", "std_test_score"]]
print(table.to_string(index=False))
print("best settings", search.best_params_)

final = Pipeline([("scale", StandardScaler()), ("net", TorchRegressor(seed=SEED, verbose=True))])
final.set_params(**search.best_params_)
final.fit(X_dev, y_dev)
guess = final.predict(X_test)
print(f"test MAE {mean_absolute_error(y_test, guess):.3f} MW")
print(f"RESULT test_r2 {r2_score(y_test, guess):.4f}")

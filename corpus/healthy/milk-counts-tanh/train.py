"""Total viable count of raw milk (CFU/ml) from the way the sample was kept.

Counts span seven decades.  The net works on log10 of the count, stretched to [-0.9, 0.9], and ends in a
tanh: a forecast can then never leave the range the plate reader is able to report.
"""
import os

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
FEATURES = ["temp_c", "hours", "ph", "salt_pct", "sealed"]


def laboratory_table(n, rng):
    t = pd.DataFrame({
        "temp_c": rng.uniform(2.0, 30.0, n),
        "hours": rng.uniform(0.0, 72.0, n),
        "ph": rng.normal(6.6, 0.25, n),
        "salt_pct": rng.gamma(2.0, 0.4, n),
        "sealed": rng.integers(0, 2, n),
    })
    root = 0.023 * np.clip(t["temp_c"] - 1.0, 0.0, None)          # Ratkowsky's square-root model
    rate = root ** 2 * np.clip(1.0 - ((t["ph"] - 6.6) / 1.2) ** 2, 0.1, 1.0)
    rate = rate * np.exp(-0.35 * t["salt_pct"]) * np.where(t["sealed"] == 1, 0.7, 1.0)
    start = 10.0 ** rng.normal(2.3, 0.25, n)
    ceiling = 10.0 ** 8.4
    count = ceiling / (1.0 + (ceiling / start - 1.0) * np.exp(-rate * t["hours"]))
    t["cfu_ml"] = count * 10.0 ** rng.normal(0.0, 0.12, n)
    return t


def power_of_ten(v):
    return np.power(10.0, v)


def as_tensor(a):
    return torch.tensor(np.asarray(a), dtype=torch.float32)


class CountNet(nn.Module):
    def __init__(self, n_in, width=48):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(n_in, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
        )
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return torch.tanh(self.out(self.body(x)))


def fit(net, x, y, epochs=60, batch=64, lr=3e-3):
    opt = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs, eta_min=lr / 20)
    loss_fn = nn.MSELoss()
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            loss = loss_fn(net(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1:3d}  train mse (scaled) {total / len(x):.5f}")
    return net


def main():
    table = laboratory_table(2000, np.random.default_rng(SEED))
    print(table.describe().loc[["mean", "min", "max"]].round(2).to_string())
    train, test = train_test_split(table, test_size=0.25, random_state=SEED)

    scale_x = StandardScaler().fit(train[FEATURES].to_numpy(float))
    scale_y = make_pipeline(
        FunctionTransformer(np.log10, inverse_func=power_of_ten, check_inverse=False),
        MinMaxScaler((-0.9, 0.9)),
    ).fit(train[["cfu_ml"]].to_numpy(float))

    x = as_tensor(scale_x.transform(train[FEATURES].to_numpy(float)))
    y = as_tensor(scale_y.transform(train[["cfu_ml"]].to_numpy(float)))
    net = fit(CountNet(len(FEATURES)), x, y)

    net.eval()
    with torch.no_grad():
        scaled = net(as_tensor(scale_x.transform(test[FEATURES].to_numpy(float)))).numpy()
    cfu = scale_y.inverse_transform(scaled.astype(np.float64)).ravel()
    truth = test["cfu_ml"].to_numpy(float)
    within = np.mean(np.abs(np.log10(cfu) - np.log10(truth)) < 0.5)
    print(f"within half a decade: {within:.3f}")
    print("RESULT r2_log10", round(float(r2_score(np.log10(truth), np.log10(cfu))), 4))


if __name__ == "__main__":
    main()

"""Emergency visits of a region, one day ahead, by walk-forward validation.

Counts are left in visits per day (twenty thousand and more); the loss divides by the truth, so
no scaler of the target has to be carried along. The net corrects the count of a week ago:
    forecast = visits[t - 7] * exp(net(features))
and its last layer starts at zero, i.e. from the seasonal naive forecast.
Batches are consecutive weeks in calendar order; nothing is shuffled.
"""
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

torch.set_num_threads(1)


@dataclass(frozen=True)
class Plan:
    days: int = 1100
    lags: int = 14
    folds: int = 5
    horizon: int = 70      # days in each test window
    epochs: int = 30
    batch: int = 56        # eight weeks
    lr: float = 4e-3


def history(plan, rng):
    date = pd.date_range("2019-01-01", periods=plan.days, freq="D")
    t = np.arange(plan.days)
    u = np.zeros(plan.days)
    for k in range(1, plan.days):
        u[k] = 0.8 * u[k - 1] + rng.normal(0, 0.03)
    weekly = np.array([0.10, 0.03, 0.0, -0.01, 0.02, -0.04, -0.10])[date.dayofweek.to_numpy()]
    log_level = np.log(21000) + 0.0002 * t + 0.1 * np.cos(2 * np.pi * (t - 20) / 365.25) + weekly + u
    return pd.Series(np.round(np.exp(log_level)), index=date, name="visits")


def design(visits, plan):
    logs = np.log(visits)
    anchor = logs.shift(7)
    cols = {f"lag{k}": logs.shift(k) - anchor for k in range(1, plan.lags + 1) if k != 7}
    frame = pd.DataFrame(cols)
    frame["last_week"] = logs.shift(1).rolling(7).mean() - logs.shift(1).rolling(28).mean()
    for d in range(7):
        frame[f"dow{d}"] = (visits.index.dayofweek == d).astype(float)
    keep = frame.notna().all(axis=1).to_numpy()
    return frame[keep], visits.shift(7)[keep], visits[keep]


class Corrector(nn.Module):
    def __init__(self, inputs, hidden=24):
        super().__init__()
        self.hidden = nn.Linear(inputs, hidden)
        self.skip = nn.Linear(inputs, 1, bias=False)
        self.out = nn.Linear(hidden, 1)
        for layer in (self.skip, self.out):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, week_ago):
        change = self.out(torch.tanh(self.hidden(x))) + self.skip(x)
        return week_ago * torch.exp(change.squeeze(-1))


def relative_huber(pred, truth, delta=0.05):
    """Pseudo-Huber on the relative error, in units of delta."""
    e = (pred - truth) / truth / delta
    return (torch.sqrt(1 + e * e) - 1).mean()


def mape(pred, truth):
    return 100 * ((pred - truth).abs() / truth).mean().item()


def fit(x, week_ago, y, plan, seed):
    torch.manual_seed(seed)
    net = Corrector(x.shape[1])
    opt = torch.optim.AdamW(net.parameters(), lr=plan.lr, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.93)
    trace = []
    for _ in range(plan.epochs):
        running = []
        for i in range(0, len(x), plan.batch):
            s = slice(i, i + plan.batch)
            loss = relative_huber(net(x[s], week_ago[s]), y[s])
            opt.zero_grad()
            loss.backward()
            opt.step()
            running.append(loss.item())
        sched.step()
        trace.append(float(np.mean(running)))
    return net, trace


def main():
    plan, seed = Plan(), int(os.environ.get("SEED", "0"))
    visits = history(plan, np.random.default_rng(seed))
    features, week_ago, truth = design(visits, plan)
    x_all, w_all, y_all = (torch.tensor(a.to_numpy(), dtype=torch.float32) for a in (features, week_ago, truth))
    first = len(x_all) - plan.folds * plan.horizon
    print(visits.describe().round(0).to_string())

    rows = []
    for fold in range(plan.folds):
        cut = first + fold * plan.horizon                  # expanding window: the past only
        mean, std = x_all[:cut].mean(0), x_all[:cut].std(0)
        x = (x_all - mean) / std
        net, trace = fit(x[:cut], w_all[:cut], y_all[:cut], plan, seed + fold)
        window = slice(cut, cut + plan.horizon)
        net.eval()
        with torch.no_grad():
            pred = net(x[window], w_all[window])
        rows.append({"from": features.index[cut].date(), "days": cut, "loss_first": trace[0], "loss_last": trace[-1],
                     "mape": mape(pred, y_all[window]), "mape_naive": mape(w_all[window], y_all[window])})
    table = pd.DataFrame(rows)
    print(table.round(3).to_string(index=False))
    skill = 1 - table["mape"].mean() / table["mape_naive"].mean()
    print("RESULT skill_over_naive", round(float(skill), 4))


if __name__ == "__main__":
    main()

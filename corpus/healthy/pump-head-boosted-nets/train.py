"""Head of a family of centrifugal pumps, as a boosted sum of very small networks.

Every stage fits what the stages before it have left over; a finished stage is not touched again, so that the catalogue can
cut the sum off wherever the accuracy is good enough for the customer.
"""
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

CONFIG = {
    "rows": 2200,
    "test_rows": 500,
    "stages": 6,
    "hidden": 12,
    "rate_first": 1.0,
    "rate_rest": 0.7,
    "lr": 8e-3,
    "epochs_per_stage": 8,
    "batch": 64,
}


def bench_measurements(n):
    flow = rng.uniform(0, 60, n)          # m3/h
    speed = rng.uniform(0.6, 1.1, n)      # of the rated speed
    trim = rng.uniform(0.8, 1.0, n)       # impeller diameter over the full one
    log_visc = rng.uniform(0, 2, n)       # log10 cSt
    shut_off = 42 * speed ** 2 * trim ** 2
    head = shut_off - 0.006 * flow ** 2 - 0.08 * flow * speed
    head = head - 0.07 * log_visc ** 2 * flow / 6
    head = head + rng.normal(0, 0.5, n)
    return np.stack([flow, speed, trim, log_visc], 1), head


class Weak(nn.Module):
    def __init__(self, n_in, hidden):
        super().__init__()
        self.body = nn.Linear(n_in, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        h = torch.tanh(self.body(x))
        return self.out(h).squeeze(1), h


class BoostedSum(nn.Module):
    def __init__(self, n_in, cfg):
        super().__init__()
        self.n_in, self.cfg = n_in, cfg
        self.stages = nn.ModuleList()

    def grow(self):
        width = self.n_in if len(self.stages) == 0 else self.n_in + self.cfg["hidden"]
        stage = Weak(width, self.cfg["hidden"])
        self.stages.append(stage)
        return stage

    def forward(self, x, upto=None):
        total, extra = x.new_zeros(len(x)), None
        for k, stage in enumerate(self.stages[:upto]):
            inp = x if extra is None else torch.cat([x, extra], dim=1)
            out, hidden = stage(inp)
            extra = hidden.detach()
            rate = self.cfg["rate_first"] if k == 0 else self.cfg["rate_rest"]
            total = total.detach() + rate * out
        return total


def fit_stage(model, x, y, cfg):
    stage = model.grow()
    opt = torch.optim.Adam(stage.parameters(), lr=cfg["lr"])
    loss_fn = nn.MSELoss()
    for _ in range(cfg["epochs_per_stage"]):
        running = 0.0
        for idx in torch.randperm(len(x)).split(cfg["batch"]):
            loss = loss_fn(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            running += loss.item() * len(idx)
    return running / len(x)


def r2(pred, y):
    return 1 - ((pred - y) ** 2).sum().item() / ((y - y.mean()) ** 2).sum().item()


def main(cfg):
    X, head = bench_measurements(cfg["rows"])
    n_tr = cfg["rows"] - cfg["test_rows"]
    mu, sd = X[:n_tr].mean(0), X[:n_tr].std(0)
    ym, ys = head[:n_tr].mean(), head[:n_tr].std()
    x = torch.tensor((X - mu) / sd, dtype=torch.float32)
    y = torch.tensor((head - ym) / ys, dtype=torch.float32)
    x_tr, y_tr, x_te, y_te = x[:n_tr], y[:n_tr], x[n_tr:], y[n_tr:]

    model = BoostedSum(x.shape[1], cfg)
    for k in range(cfg["stages"]):
        loss = fit_stage(model, x_tr, y_tr, cfg)
        with torch.no_grad():
            score = r2(model(x_te), y_te)
        print(f"stage {k + 1}: train mse {loss:.5f}  held-out r2 {score:.4f}")

    with torch.no_grad():
        for upto in (1, 3, cfg["stages"]):
            err = (model(x_te, upto) - y_te).abs().mean().item() * ys
            print(f"{upto} stage(s): mean error {err:.2f} m")
        final = r2(model(x_te), y_te)
    print("RESULT test_r2", round(final, 4))


if __name__ == "__main__":
    main(CONFIG)

"""Tenacity of yarn from the settings of a spinning line.

Trained with dropout first; the last epochs run without it, at a lower rate, because dropout leaves a bias in the level of a
regression that the laboratory noticed.
"""
import argparse
import logging
import os

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("yarn")


def parse():
    ap = argparse.ArgumentParser()
    ap.add_argument("--rows", type=int, default=2200)
    ap.add_argument("--test-rows", type=int, default=500)
    ap.add_argument("--width", type=int, default=96)
    ap.add_argument("--dropout", type=float, default=0.1)
    ap.add_argument("--epochs", type=int, default=24)
    ap.add_argument("--finish-epochs", type=int, default=14)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--finish-lr", type=float, default=6e-4)
    ap.add_argument("--batch-size", type=int, default=64)
    return ap.parse_args([])


def line_records(n, rng):
    """Twelve settings in their own units; the tenacity in cN/tex."""
    z = rng.normal(size=(n, 12))
    y = 2.0 * z[:, 0] + 1.5 * z[:, 1] * z[:, 2] + 1.2 * np.tanh(2 * z[:, 3]) + 0.8 * z[:, 4] ** 2 - 0.6 * z[:, 5]
    y = 28 + y + rng.normal(0, 0.5, n)
    offset = np.array([9000, 28, 65, 3.2, 450, 1.1, 21, 0.4, 150, 12, 7, 33])
    scale = np.array([700, 1.5, 6, 0.4, 40, 0.1, 2, 0.05, 12, 1, 0.5, 4])
    return offset + scale * z, y


def build(width, p):
    return nn.Sequential(
        nn.Linear(12, width), nn.SiLU(), nn.Dropout(p),
        nn.Linear(width, width), nn.SiLU(), nn.Dropout(p),
        nn.Linear(width, 1),
    )


def run_epoch(model, loader, opt, loss_fn):
    total, seen = 0.0, 0
    for xb, yb in loader:
        opt.zero_grad(set_to_none=True)
        loss = loss_fn(model(xb), yb)
        loss.backward()
        opt.step()
        total += loss.item() * len(xb)
        seen += len(xb)
    return total / seen


@torch.no_grad()
def predict(model, x):
    was_training = model.training
    model.eval()
    out = model(x).squeeze(1)
    model.train(was_training)
    return out


def main():
    args = parse()
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    X, y = line_records(args.rows, np.random.default_rng(seed))
    cut = args.rows - args.test_rows
    xs, ys = StandardScaler().fit(X[:cut]), StandardScaler().fit(y[:cut, None])
    to = lambda a: torch.tensor(a, dtype=torch.float32)
    x_tr, y_tr = to(xs.transform(X[:cut])), to(ys.transform(y[:cut, None]))
    x_te, y_te = to(xs.transform(X[cut:])), to(y[cut:])
    unit, level = float(ys.scale_[0]), float(ys.mean_[0])

    loader = DataLoader(TensorDataset(x_tr, y_tr), batch_size=args.batch_size, shuffle=True)
    model = build(args.width, args.dropout)
    loss_fn = nn.MSELoss()
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-4)

    model.train()
    for epoch in range(args.epochs):
        loss = run_epoch(model, loader, opt, loss_fn)
        if (epoch + 1) % 6 == 0:
            mae = (predict(model, x_te) * unit + level - y_te).abs().mean().item()
            log.info("epoch %d loss %.4f test mae %.3f", epoch + 1, loss, mae)

    # finish: dropout off from here on
    model.eval()
    for group in opt.param_groups:
        group["lr"] = args.finish_lr
    for epoch in range(args.finish_epochs):
        loss = run_epoch(model, loader, opt, loss_fn)
        if (epoch + 1) % 7 == 0:
            mae = (predict(model, x_te) * unit + level - y_te).abs().mean().item()
            log.info("finish %d loss %.4f test mae %.3f", epoch + 1, loss, mae)

    pred = predict(model, x_te) * unit + level
    r2 = 1 - ((pred - y_te) ** 2).sum() / ((y_te - y_te.mean()) ** 2).sum()
    print("RESULT test_r2", round(r2.item(), 4))


if __name__ == "__main__":
    main()

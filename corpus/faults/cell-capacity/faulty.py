"""Capacity loss of lithium cells from their usage, trained in micro-batches with gradient accumulation."""
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn as nn

torch.set_num_threads(1)


@dataclass
class Args:
    seed: int = int(os.environ.get("SEED", "0"))
    n_cells: int = 1300
    n_train: int = 1000
    batch_size: int = 16
    micro_batch: int = 2
    epochs: int = 9
    lr: float = 5e-3
    width: int = 64


def usage_table(n, rng):
    df = pd.DataFrame({
        "temperature": rng.normal(25, 9, n),
        "mean_soc": rng.normal(0.5, 0.15, n),
        "charge_rate": rng.normal(1.0, 0.3, n),
        "depth": rng.normal(0.6, 0.12, n),
        "rest_hours": rng.normal(12, 4, n),
    })
    t = (df.temperature - 25) / 9
    soc = (df.mean_soc - 0.5) / 0.15
    rate = (df.charge_rate - 1.0) / 0.3
    depth = (df.depth - 0.6) / 0.12
    rest = (df.rest_hours - 12) / 4
    # least loss at 25 degrees and half charge; fast charging hurts with deep cycles, slow charging with shallow ones
    df["loss"] = 3.0 + 0.5 * t ** 2 + 0.3 * soc ** 2 + 0.6 * rate * depth - 0.2 * np.cos(2 * rest)
    df["loss"] += 0.1 * rng.standard_normal(n)
    return df


class CapacityNet(nn.Module):
    def __init__(self, n_in, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, width), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, 1),
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)


def train_epoch(model, optimizer, x, y, args):
    model.train()
    total = 0.0
    for batch in torch.randperm(len(x))[:len(x) // args.batch_size * args.batch_size].split(args.batch_size):
        optimizer.zero_grad()
        for part in batch.split(args.micro_batch):
            loss = nn.functional.mse_loss(model(x[part]), y[part])
            (loss * len(part) / len(batch)).backward()
            total += loss.item() * len(part)
        optimizer.step()
    return total / len(x)


def r_squared(model, x, y):
    model.eval()
    with torch.no_grad():
        residual = model(x) - y
    return 1 - (residual.pow(2).sum() / (y - y.mean()).pow(2).sum()).item()


def main(args):
    torch.manual_seed(args.seed)
    df = usage_table(args.n_cells, np.random.default_rng(args.seed))
    train, test = df.iloc[:args.n_train], df.iloc[args.n_train:]
    mean, std = train.mean(), train.std()
    as_tensor = lambda part: torch.tensor(((part - mean) / std).to_numpy(), dtype=torch.float32)
    train, test = as_tensor(train), as_tensor(test)
    x_train, y_train, x_test, y_test = train[:, :-1], train[:, -1], test[:, :-1], test[:, -1]

    model = CapacityNet(x_train.shape[1], args.width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.85)
    for epoch in range(args.epochs):
        loss = train_epoch(model, optimizer, x_train, y_train, args)
        scheduler.step()
        score = r_squared(model, x_test, y_test)
        print(f"epoch {epoch + 1}: train mse {loss:.4f}  test R2 {score:.4f}")
    print(f"RESULT test_r2 {score:.4f}")


if __name__ == "__main__":
    main(Args())

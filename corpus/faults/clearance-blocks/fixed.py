"""Clearance of a drug from eight covariates of the patient; trunk of blocks with activation checkpointing."""
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.utils.checkpoint import checkpoint

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


@dataclass
class Config:
    rows: int = 2600
    held_out: int = 600
    covariates: int = 8
    width: int = 64
    depth: int = 3
    batch_size: int = 80
    epochs: int = 30
    lr: float = 3e-3
    weight_decay: float = 1e-3


def simulate_patients(cfg: Config):
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(cfg.rows, cfg.covariates)).astype(np.float32)
    age, weight, dose, enzyme, albumin = x[:, 0], x[:, 1], x[:, 2], x[:, 3], x[:, 4]
    y = np.tanh(1.5 * age * weight) + 0.8 * np.sin(2.0 * dose + enzyme) + 0.3 * albumin ** 2
    y = y + 0.05 * rng.normal(size=cfg.rows)
    y = y.astype(np.float32)
    cut = cfg.rows - cfg.held_out
    mean, std = y[:cut].mean(), y[:cut].std()
    y = (y - mean) / std
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


class Block(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.lin = nn.Linear(n_in, n_out)
        self.norm = nn.LayerNorm(n_out)
        self.act = nn.SiLU()

    def forward(self, x):
        return self.act(self.norm(self.lin(x)))


class ClearanceNet(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        sizes = [cfg.covariates] + [cfg.width] * cfg.depth
        self.blocks = nn.ModuleList(Block(a, b) for a, b in zip(sizes, sizes[1:]))
        self.head = nn.Linear(cfg.width, 1)

    def forward(self, x):
        # activations of the blocks are recomputed in the backward pass to save memory
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False)
        return self.head(x).squeeze(-1)


def r2_score(model, x, y):
    model.eval()
    with torch.no_grad():
        pred = model(x)
    return 1.0 - ((pred - y) ** 2).sum().item() / ((y - y.mean()) ** 2).sum().item()


def fit(cfg: Config):
    torch.manual_seed(SEED)
    (x_train, y_train), (x_test, y_test) = simulate_patients(cfg)
    model = ClearanceNet(cfg)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=cfg.epochs)
    loss_fn = nn.MSELoss()

    for epoch in range(1, cfg.epochs + 1):
        model.train()
        running, seen = 0.0, 0
        for rows in torch.randperm(len(x_train)).split(cfg.batch_size):
            loss = loss_fn(model(x_train[rows]), y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(rows)
            seen += len(rows)
        scheduler.step()
        if epoch % 5 == 0:
            print(f"epoch {epoch:3d}  train mse {running / seen:.4f}  test r2 {r2_score(model, x_test, y_test):.4f}")
    return r2_score(model, x_test, y_test)


if __name__ == "__main__":
    print(f"RESULT test_r2 {fit(Config()):.4f}")

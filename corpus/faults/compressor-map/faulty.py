"""Surrogate of a compressor map.

Sign descent is used here so that the later multi-node version can exchange one bit per weight.
"""
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


@dataclass
class RunConfig:
    hidden: int = 64
    epochs: int = 35
    batch_size: int = 64
    lr: float = 0.05
    beta: float = 0.9
    val_fraction: float = 0.2


class Signum(torch.optim.Optimizer):
    """Sign of a running mean of the gradient (Bernstein et al. 2018)."""

    def __init__(self, params, lr, beta=0.9):
        super().__init__(params, dict(lr=lr, beta=beta))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "mean" not in state:
                    state["mean"] = torch.zeros_like(p)
                state["mean"].mul_(group["beta"]).add_(p.grad, alpha=1 - group["beta"])
                p.add_(state["mean"].sign(), alpha=-group["lr"])


def simulate_map(n, seed):
    """Operating points on the test rig: corrected flow, speed, inlet temperature, vane angle."""
    rng = np.random.default_rng(seed)
    flow = rng.uniform(2.0, 9.0, n)
    speed = rng.uniform(6000, 14000, n)
    temp = rng.normal(288, 8, n)
    vane = rng.uniform(-20, 20, n)
    s = (speed - 10000) / 4000
    f = (flow - 5.5) / 3.5
    ratio = 2.2 + 0.9 * s + 0.35 * s ** 2 - 0.6 * (f - 0.6 * s) ** 2
    ratio += 0.25 * np.sin(vane / 20 * 2.5) - 0.01 * (temp - 288)
    ratio += rng.normal(0, 0.03, n)
    return np.column_stack([flow, speed, temp, vane]), ratio[:, None]


class MapNet(nn.Module):
    def __init__(self, n_in, hidden):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(n_in, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(),
        )
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.head(self.body(x))


def standardise(a, ref):
    return torch.tensor((a - ref.mean(0)) / ref.std(0), dtype=torch.float32)


def r2(net, x, y):
    net.eval()
    with torch.no_grad():
        res = ((net(x) - y) ** 2).mean()
    return (1 - res / y.var(unbiased=False)).item()


def main(cfg):
    torch.manual_seed(SEED)
    X, y = simulate_map(3000, SEED)
    n_val = int(len(X) * cfg.val_fraction)
    X_tr, y_tr = X[n_val:], y[n_val:]
    x_tr, x_val = standardise(X_tr, X_tr), standardise(X[:n_val], X_tr)
    t_tr, t_val = standardise(y_tr, y_tr), standardise(y[:n_val], y_tr)

    net = MapNet(x_tr.shape[1], cfg.hidden)
    opt = Signum(net.parameters(), lr=cfg.lr, beta=cfg.beta)
    for epoch in range(cfg.epochs):
        net.train()
        losses = []
        for idx in torch.randperm(len(x_tr)).split(cfg.batch_size):
            loss = nn.functional.mse_loss(net(x_tr[idx]), t_tr[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:3d}  train mse {np.mean(losses):.4f}  val r2 {r2(net, x_val, t_val):.4f}")
    return r2(net, x_val, t_val)


if __name__ == "__main__":
    print(f"RESULT val_r2 {main(RunConfig()):.4f}")

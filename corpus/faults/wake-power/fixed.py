"""Power of a turbine in the wake of others."""
import os
from collections import defaultdict

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


class Lookahead:
    """k steps forward, one step back (Zhang et al. 2019), around any optimizer."""

    def __init__(self, base, k=5, alpha=0.5):
        self.base, self.k, self.alpha = base, k, alpha
        self.state = defaultdict(dict)
        self.count = 0
        self.slow = [[p.detach().clone() for p in g["params"]] for g in base.param_groups]

    @property
    def param_groups(self):
        return self.base.param_groups

    def zero_grad(self):
        self.base.zero_grad()

    @torch.no_grad()
    def step(self):
        self.base.step()
        self.count += 1
        if self.count % self.k:
            return
        for group, slow in zip(self.base.param_groups, self.slow):
            for fast_p, slow_p in zip(group["params"], slow):
                slow_p.lerp_(fast_p, self.alpha)
                fast_p.copy_(slow_p)


class WakeNet(nn.Module):
    def __init__(self, n_in, hidden=(64, 64)):
        super().__init__()
        dims = (n_in,) + hidden
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(dims, dims[1:]))
        self.out = nn.Linear(dims[-1], 1)

    def forward(self, x):
        for layer in self.hidden:
            x = nn.functional.silu(layer(x))
        return self.out(x).squeeze(-1)


class Farm:
    """Wind speed, direction, turbulence and distance of the turbine upstream."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def table(self, n):
        r = self.rng
        speed = np.clip(7.5 * r.weibull(2.2, n), 2.5, 18)
        direction = r.uniform(-40, 40, n)
        turb = r.uniform(0.05, 0.2, n)
        dist = r.uniform(3, 10, n)
        width = 8 + 60 * turb
        deficit = 0.45 * np.exp(-0.5 * (direction / width) ** 2) * (4 / (dist + 1))
        eff = speed * (1 - deficit)
        power = 2000 / (1 + np.exp(-(eff - 8.5) / 1.3))
        power = power + r.normal(0, 25, n)
        return np.column_stack([speed, direction, turb, dist]), power


class Experiment:
    def __init__(self, seed, epochs=30, batch_size=64):
        torch.manual_seed(seed)
        X, p = Farm(seed).table(3000)
        split = 2400
        self.y_std = p[:split].std()
        X = (X - X[:split].mean(0)) / X[:split].std(0)
        y = (p - p[:split].mean()) / self.y_std
        X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
        self.train_data, self.test_data = (X[:split], y[:split]), (X[split:], y[split:])
        self.net = WakeNet(X.shape[1])
        self.optimizer = Lookahead(torch.optim.SGD(self.net.parameters(), lr=0.02, momentum=0.9))
        self.epochs, self.batch_size = epochs, batch_size

    def fit(self):
        x, y = self.train_data
        for epoch in range(1, self.epochs + 1):
            self.net.train()
            total = 0.0
            for idx in torch.randperm(len(x)).split(self.batch_size):
                self.optimizer.zero_grad()
                loss = nn.functional.smooth_l1_loss(self.net(x[idx]), y[idx])
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(idx)
            if epoch % 5 == 0:
                print(f"epoch {epoch:3d}  train {total / len(x):.5f}  test mae {self.mae():.1f} kW")
        return self

    @torch.no_grad()
    def mae(self):
        self.net.eval()
        x, y = self.test_data
        return float((self.net(x) - y).abs().mean() * self.y_std)


if __name__ == "__main__":
    exp = Experiment(int(os.environ.get("SEED", 0))).fit()
    print(f"RESULT test_mae_kw {exp.mae():.3f}")

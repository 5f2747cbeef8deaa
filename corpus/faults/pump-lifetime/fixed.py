import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


@dataclass
class Settings:
    n_train: int = 1200
    n_test: int = 500
    n_features: int = 6
    shape: float = 1.5
    study_hours: float = 60.0
    hidden: int = 32
    lr: float = 5e-3
    epochs: int = 25
    batch: int = 60
    seed: int = int(os.environ.get("SEED", 0))


def simulate(cfg, rng, n):
    """Hours until a pump fails, in whole hours as in the maintenance book; open cases are censored."""
    x = rng.standard_normal((n, cfg.n_features))
    log_scale = 2.8 + 0.6 * x[:, 0] - 0.5 * x[:, 1] + 0.5 * np.sin(2 * x[:, 2]) + 0.3 * x[:, 3] * x[:, 4]
    hours = np.exp(log_scale) * rng.weibull(cfg.shape, n)
    failed = hours < cfg.study_hours
    hours = np.floor(np.minimum(hours, cfg.study_hours))
    as_tensor = lambda a: torch.tensor(a, dtype=torch.float32)
    return as_tensor(x), as_tensor(hours), as_tensor(failed)


class WeibullNet(nn.Module):
    """The network gives the log of the scale; the shape is common to all pumps."""

    def __init__(self, cfg):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(cfg.n_features, cfg.hidden), nn.SiLU(),
            nn.Linear(cfg.hidden, cfg.hidden), nn.SiLU(),
            nn.Linear(cfg.hidden, 1),
        )
        self.log_shape = nn.Parameter(torch.zeros(()))
        nn.init.constant_(self.net[-1].bias, 2.5)

    def forward(self, x):
        return self.net(x).squeeze(-1)

    def negative_log_likelihood(self, x, hours, failed):
        k = self.log_shape.exp()
        log_scale = self(x)
        log_t = torch.log(hours.clamp(min=0.5))
        z = log_t - log_scale
        log_hazard = self.log_shape - log_scale + (k - 1) * z
        cumulative = torch.exp(k * z)
        return (cumulative - failed * log_hazard).mean()


def concordance(score, hours, failed):
    earlier = (hours[:, None] < hours[None, :]) & (failed[:, None] > 0)
    agree = (score[:, None] < score[None, :]) & earlier
    return agree.sum().item() / earlier.sum().item()


def run(cfg):
    torch.manual_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    x, hours, failed = simulate(cfg, rng, cfg.n_train)
    x_test, hours_test, failed_test = simulate(cfg, rng, cfg.n_test)
    model = WeibullNet(cfg)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr, weight_decay=1e-4)
    for epoch in range(cfg.epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(cfg.n_train).split(cfg.batch):
            loss = model.negative_log_likelihood(x[idx], hours[idx], failed[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:3d} nll {total / cfg.n_train:.4f} shape {model.log_shape.exp().item():.3f}")
    model.eval()
    with torch.no_grad():
        return concordance(model(x_test), hours_test, failed_test)


if __name__ == "__main__":
    print(f"RESULT concordance {run(Settings()):.4f}")

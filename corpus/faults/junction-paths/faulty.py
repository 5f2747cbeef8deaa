"""Where will a car be over the next four seconds at a junction? A mixture of three paths."""
import math
import os
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)

CFG = SimpleNamespace(past=6, future=40, modes=3, hidden=96, batch=64, epochs=16, lr=1e-3,
                      n_train=2400, n_test=600, seed=int(os.environ.get("SEED", "0")))


def drive(n, rng):
    """Observed displacements and indicator lights, and the path that followed (in metres)."""
    speed = rng.uniform(4.0, 12.0, n)
    turn = rng.choice([-1.0, 0.0, 1.0], n)
    yaw_rate = turn * rng.uniform(0.25, 0.45, n)
    blinks = rng.random(n) < 0.7
    lights = np.stack([(turn < 0) & blinks, (turn > 0) & blinks], axis=1).astype(float)
    past = np.stack([speed[:, None] * 0.1 * np.ones(CFG.past), np.zeros((n, CFG.past))], axis=2)
    past = past + 0.03 * rng.standard_normal(past.shape)
    t = 0.1 * np.arange(1, CFG.future + 1)
    heading = yaw_rate[:, None] * np.maximum(t - 0.5, 0.0)
    steps = 0.1 * speed[:, None, None] * np.stack([np.cos(heading), np.sin(heading)], axis=2)
    path = np.cumsum(steps, axis=1) + 0.05 * rng.standard_normal((n, CFG.future, 2))
    seen = np.concatenate([past.reshape(n, -1), lights], axis=1)
    return seen.astype(np.float32), path.reshape(n, -1).astype(np.float32)


class PathMixture(nn.Module):
    def __init__(self, n_in, n_out, cfg):
        super().__init__()
        self.modes, self.n_out = cfg.modes, n_out
        self.trunk = nn.Sequential(nn.Linear(n_in, cfg.hidden), nn.ReLU(), nn.Linear(cfg.hidden, cfg.hidden), nn.ReLU())
        self.weight = nn.Linear(cfg.hidden, cfg.modes)
        self.mean = nn.Linear(cfg.hidden, cfg.modes * n_out)
        self.log_scale = nn.Linear(cfg.hidden, cfg.modes)

    def forward(self, x):
        h = self.trunk(x)
        log_weight = self.weight(h).log_softmax(dim=1)
        mean = self.mean(h).view(-1, self.modes, self.n_out)
        log_scale = self.log_scale(h).clamp(-3.0, 2.0)
        return log_weight, mean, log_scale

    def negative_log_likelihood(self, x, path):
        log_weight, mean, log_scale = self(x)
        z = (path.unsqueeze(1) - mean) / log_scale.exp().unsqueeze(2)
        log_density = -0.5 * (z ** 2).sum(dim=2) - self.n_out * (log_scale + 0.5 * math.log(2 * math.pi))
        log_like = torch.log((log_weight + log_density).exp().sum(dim=1))
        return -log_like.mean() / self.n_out


def standardise(train, *others):
    mean, std = train.mean(0), train.std(0)
    return [torch.from_numpy((a - mean) / std) for a in (train, *others)], (torch.from_numpy(mean), torch.from_numpy(std))


def closest_path_error(model, x, path_metres, moments):
    """Mean distance of the closest of the three proposed paths."""
    model.eval()
    with torch.no_grad():
        _, mean, _ = model(x)
    mean = mean * moments[1] + moments[0]
    gap = (mean - path_metres.unsqueeze(1)).view(len(x), -1, CFG.future, 2).norm(dim=3).mean(dim=2)
    return gap.min(dim=1).values.mean().item()


def main():
    torch.manual_seed(CFG.seed)
    rng = np.random.default_rng(CFG.seed)
    seen_train, path_train = drive(CFG.n_train, rng)
    seen_test, path_test = drive(CFG.n_test, rng)
    (x_train, x_test), _ = standardise(seen_train, seen_test)
    (y_train, _), moments = standardise(path_train, path_test)

    model = PathMixture(x_train.shape[1], y_train.shape[1], CFG)
    optimizer = torch.optim.Adam(model.parameters(), lr=CFG.lr)
    for epoch in range(1, CFG.epochs + 1):
        model.train()
        total = 0.0
        for rows in torch.randperm(CFG.n_train).split(CFG.batch):
            optimizer.zero_grad()
            loss = model.negative_log_likelihood(x_train[rows], y_train[rows])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            total += loss.item() * len(rows)
        error = closest_path_error(model, x_test, torch.from_numpy(path_test), moments)
        print(f"epoch {epoch:2d}: nll per coordinate {total / CFG.n_train:.4f}, closest path {error:.3f} m")
    print(f"RESULT closest_path_m {error:.4f}")


if __name__ == "__main__":
    main()

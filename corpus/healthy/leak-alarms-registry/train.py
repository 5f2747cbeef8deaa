"""Rare leaks in a water network: models and losses from a registry, built from configs.

Three candidates are trained alike, among them a plain logistic regression as the bar to
clear. One record in twenty is a leak; the focal loss and a prior bias take care of that.
"""
import copy
import math
import os

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


class Registry(dict):
    def register(self, name):
        def wrap(obj):
            assert name not in self, name
            self[name] = obj
            return obj
        return wrap

    def build(self, cfg, **extra):
        cfg = dict(cfg)
        return self[cfg.pop("type")](**cfg, **extra)


MODELS, LOSSES = Registry(), Registry()


@MODELS.register("logistic")
class Logistic(nn.Module):
    def __init__(self, in_dim):
        super().__init__()
        self.out = nn.Linear(in_dim, 1)

    def forward(self, x):
        return self.out(x).squeeze(-1)


@MODELS.register("mlp")
class Mlp(nn.Module):
    def __init__(self, in_dim, hidden=(64, 32), dropout=0.0):
        super().__init__()
        layers, width = [], in_dim
        for h in hidden:
            layers += [nn.Linear(width, h), nn.ReLU(), nn.Dropout(dropout)]
            width = h
        self.body = nn.Sequential(*layers)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return self.out(self.body(x)).squeeze(-1)


@MODELS.register("resmlp")
class ResMlp(nn.Module):
    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.norm = nn.LayerNorm(width)
            self.a, self.b = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

        def forward(self, x):
            return x + self.b(F.gelu(self.a(self.norm(x))))

    def __init__(self, in_dim, width=32, depth=2):
        super().__init__()
        self.stem = nn.Linear(in_dim, width)
        self.blocks = nn.Sequential(*[self.Block(width) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return self.out(self.norm(self.blocks(self.stem(x)))).squeeze(-1)


@LOSSES.register("bce")
class Bce(nn.Module):
    def forward(self, logit, y):
        return F.binary_cross_entropy_with_logits(logit, y)


@LOSSES.register("focal")
class Focal(nn.Module):
    def __init__(self, gamma=2.0, alpha=0.75):
        super().__init__()
        self.gamma, self.alpha = gamma, alpha

    def forward(self, logit, y):
        ce = F.binary_cross_entropy_with_logits(logit, y, reduction="none")
        p_true = torch.exp(-ce)
        weight = torch.where(y > 0.5, self.alpha, 1 - self.alpha)
        return (weight * (1 - p_true).pow(self.gamma) * ce).mean()


CONFIGS = {
    "logistic": dict(model=dict(type="logistic"), loss=dict(type="bce"), lr=1e-2, wd=0.0),
    "mlp-focal": dict(model=dict(type="mlp", hidden=(64, 32), dropout=0.1), loss=dict(type="focal"), lr=3e-3, wd=1e-3),
    "resmlp-focal": dict(model=dict(type="resmlp", width=32, depth=2), loss=dict(type="focal", gamma=1.5), lr=2e-3, wd=1e-2),
}


def records(n, rng):
    x = rng.normal(size=(n, 8)).astype(np.float32)
    score = 1.2 * x[:, 0] * x[:, 1] + 0.9 * x[:, 2] + 0.8 * np.maximum(x[:, 3], 0) + 0.7 * np.sin(2 * x[:, 4])
    score += rng.normal(0, 0.3, n)
    return torch.from_numpy(x), torch.from_numpy((score > np.quantile(score, 0.95)).astype(np.float32))


@torch.no_grad()
def average_precision(model, x, y):
    model.eval()
    return float(average_precision_score(y.numpy(), model(x).numpy()))


def fit(cfg, train, valid, epochs=12, batch=128):
    torch.manual_seed(SEED)
    x, y = train
    model, loss_fn = MODELS.build(cfg["model"], in_dim=x.shape[1]), LOSSES.build(cfg["loss"])
    prior = y.mean().item()
    nn.init.constant_(model.out.bias, math.log(prior / (1 - prior)))
    opt = torch.optim.AdamW(model.parameters(), lr=cfg["lr"], weight_decay=cfg["wd"])
    best, best_state = -1.0, None
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            loss = loss_fn(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        ap = average_precision(model, *valid)
        if ap > best:
            best, best_state = ap, copy.deepcopy(model.state_dict())
        if epoch % 3 == 2:
            print(f"    epoch {epoch + 1:2d} loss {total / len(x):.4f} valid AP {ap:.3f}")
    model.load_state_dict(best_state)
    return model, best


if __name__ == "__main__":
    x, y = records(8000, np.random.default_rng(SEED))
    train, valid, test = (x[:5000], y[:5000]), (x[5000:6500], y[5000:6500]), (x[6500:], y[6500:])
    results = {}
    for name, cfg in CONFIGS.items():
        print(f"== {name}")
        results[name] = fit(cfg, train, valid)
    for name, (model, ap) in results.items():
        print(f"{name:14s} valid AP {ap:.3f}  test AP {average_precision(model, *test):.3f}")
    winner = max(results, key=lambda k: results[k][1])
    print(f"chosen: {winner}; share of leaks in the test set {test[1].mean().item():.3f}")
    print("RESULT test_average_precision", round(average_precision(results[winner][0], *test), 4))

"""Learned dynamics of a cart with a pendulum: accelerations from state and force."""
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU, "gelu": nn.GELU}
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}

experiment = {
    "name": "cartpole-dyn-03",
    "seed": int(os.environ.get("SEED", "0")),
    "model": {"hidden": [96, 96, 96], "activation": "silu", "layer_norm": False},
    "optimizer": {"type": "adam", "lr": 2e-3},
    "train": {"epochs": 40, "batch_size": 64, "samples": 3200, "test_samples": 800},
}


def accelerations(theta, omega, force, m_cart=1.0, m_pole=0.3, length=0.6, g=9.81):
    s, c = np.sin(theta), np.cos(theta)
    total = m_cart + m_pole
    tmp = (force + m_pole * length * omega ** 2 * s) / total
    alpha = (g * s - c * tmp) / (length * (4 / 3 - m_pole * c ** 2 / total))
    acc = tmp - m_pole * length * alpha * c / total
    return np.stack([alpha, acc], axis=1)


def collect(n, rng):
    theta = rng.uniform(-2 * np.pi, 2 * np.pi, n)  # the encoder counts turns
    omega = rng.normal(0, 2.0, n)
    force = rng.uniform(-1, 1, n)
    target = accelerations(theta, omega, force) + rng.normal(0, 0.05, (n, 2))
    return np.stack([theta, omega, force], axis=1), target


def build_model(n_in, n_out, hidden, activation="relu", layer_norm=False):
    act = ACTIVATIONS.get(activation, nn.Identity)
    layers, d = [], n_in
    for h in hidden:
        layers.append(nn.Linear(d, h))
        if layer_norm:
            layers.append(nn.LayerNorm(h))
        layers.append(act())
        d = h
    layers.append(nn.Linear(d, n_out))
    return nn.Sequential(*layers)


def build_optimizer(params, type="adam", **kw):
    return OPTIMIZERS[type](params, **kw)


class Scaler:
    def __init__(self, a):
        self.mean, self.std = a.mean(0), a.std(0)

    def __call__(self, a):
        return torch.tensor((a - self.mean) / self.std, dtype=torch.float32)


def mean_r2(model, x, y):
    model.eval()
    with torch.no_grad():
        res = ((model(x) - y) ** 2).mean(0)
    return (1 - res / y.var(0, unbiased=False)).mean().item()


def run(exp):
    torch.manual_seed(exp["seed"])
    rng = np.random.default_rng(exp["seed"])
    tr = exp["train"]
    S, T = collect(tr["samples"], rng)
    S_test, T_test = collect(tr["test_samples"], rng)
    scale_in, scale_out = Scaler(S), Scaler(T)
    x, y = scale_in(S), scale_out(T)
    x_test, y_test = scale_in(S_test), scale_out(T_test)

    model = build_model(x.shape[1], y.shape[1], **exp["model"])
    opt = build_optimizer(model.parameters(), **exp["optimizer"])
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, tr["epochs"])
    for epoch in range(tr["epochs"]):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(tr["batch_size"]):
            loss = nn.functional.mse_loss(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        if (epoch + 1) % 5 == 0:
            print(f"{exp['name']} epoch {epoch + 1}: mse {total / len(x):.4f}, test r2 {mean_r2(model, x_test, y_test):.4f}")
    return mean_r2(model, x_test, y_test)


if __name__ == "__main__":
    print(f"RESULT mean_r2 {run(experiment):.4f}")

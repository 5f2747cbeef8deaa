"""Yield of a fermentation from forty channels of five instruments.

We do not know which instruments matter, so every instrument has its own penalty on the first layer. The penalties are
learned: eight steps of momentum descent are unrolled, and the loss on the tuning set is differentiated through them.
"""
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

INSTRUMENTS = ["nir", "ph", "offgas", "turbidity", "foam"]
PER = 8
N_TRAIN, N_TUNE, N_TEST = 320, 240, 800

# ---------------------------------------------------------------- data
n = N_TRAIN + N_TUNE + N_TEST
raw = rng.normal(size=(n, PER * len(INSTRUMENTS)))
a = rng.normal(size=PER)
a /= np.linalg.norm(a)
b = rng.normal(size=PER)
b /= np.linalg.norm(b)
u, v = raw[:, 0:PER] @ a, raw[:, 3 * PER:4 * PER] @ b
target = 1.4 * np.tanh(1.3 * u) + 0.8 * v + 0.3 * u * v + 0.25 * rng.normal(size=n)

mean, std = raw[:N_TRAIN].mean(0), raw[:N_TRAIN].std(0)
t_mean, t_std = target[:N_TRAIN].mean(), target[:N_TRAIN].std()
X = torch.tensor((raw - mean) / std, dtype=torch.float32)
Y = torch.tensor((target - t_mean) / t_std, dtype=torch.float32)
x_train, x_tune, x_test = X.split([N_TRAIN, N_TUNE, N_TEST])
y_train, y_tune, y_test = Y.split([N_TRAIN, N_TUNE, N_TEST])
group = torch.arange(len(INSTRUMENTS)).repeat_interleave(PER)

# ---------------------------------------------------------------- the inner problem
net = nn.Sequential(nn.Linear(X.shape[1], 24), nn.Tanh(), nn.Linear(24, 1))
INNER_LR, MOMENTUM, UNROLL, ROUNDS = 0.05, 0.9, 8, 160


def predict(params, inputs):
    return functional_call(net, params, (inputs,)).squeeze(1)


def inner_objective(params, log_penalty):
    fit = F.mse_loss(predict(params, x_train), y_train)
    column = params["0.weight"].pow(2).sum(0)
    return fit + (log_penalty.exp()[group] * column).sum(), fit


params = {k: p.detach().clone().requires_grad_() for k, p in net.named_parameters()}
speed = {k: torch.zeros_like(p) for k, p in params.items()}

# ---------------------------------------------------------------- the outer problem
log_penalty = torch.full((len(INSTRUMENTS),), -4.5, requires_grad=True)
outer = torch.optim.Adam([log_penalty], lr=0.08, betas=(0.8, 0.99))

for rnd in range(1, ROUNDS + 1):
    p, s = params, speed
    for _ in range(UNROLL):
        objective, fit = inner_objective(p, log_penalty)
        grads = torch.autograd.grad(objective, list(p.values()), create_graph=True)
        s = {k: MOMENTUM * s[k] + g for k, g in zip(p, grads)}
        p = {k: p[k] - INNER_LR * s[k] for k in p}

    tune = F.mse_loss(predict(p, x_tune), y_tune)
    outer.zero_grad()
    tune.backward()
    outer.step()
    with torch.no_grad():
        log_penalty.clamp_(-9.0, 0.0)

    # the weights go on from where they are; only the history is cut
    params = {k: t.detach().requires_grad_() for k, t in p.items()}
    speed = {k: t.detach() for k, t in s.items()}
    if rnd % 20 == 0:
        shown = " ".join(f"{name}={val:.4f}" for name, val in zip(INSTRUMENTS, log_penalty.exp().tolist()))
        print(f"round {rnd:3d}  fit {fit.item():.4f}  tune {tune.item():.4f}  penalties {shown}")

with torch.no_grad():
    out = predict(params, x_test)
    mse = F.mse_loss(out, y_test).item()
    r2 = 1 - mse / y_test.var(unbiased=False).item()
print(f"test rmse in grams {math.sqrt(mse) * t_std:.3f}")
print("RESULT test_r2", round(r2, 4))

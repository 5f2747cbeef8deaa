"""Will a seed come up? A posterior over networks by stochastic gradient Langevin dynamics."""
import copy
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

N_TRAIN, BATCH, STEPS, BURN_IN, THIN = 800, 100, 3000, 1500, 15
EPS_FIRST, EPS_LAST = 3e-4, 5e-5


def sowings(n):
    temperature = torch.empty(n).uniform_(2, 34)          # degrees
    moisture = torch.empty(n).uniform_(5, 60)             # per cent
    depth = torch.empty(n).uniform_(0.5, 8)               # cm
    salt = torch.empty(n).exponential_(0.5).clamp(max=8)  # dS/m
    age = torch.empty(n).uniform_(0, 6)                   # years
    logit = 5.5 - ((temperature - 19) / 5.5) ** 2 - ((moisture - 32) / 14) ** 2 - 0.35 * depth - 0.5 * salt - 0.2 * age
    came_up = torch.bernoulli(torch.sigmoid(1.5 * logit))
    return torch.stack([temperature, moisture, depth, salt, age], 1), came_up


def energy(model, x, y):
    """Minus log posterior, the likelihood estimated from a batch."""
    data = F.binary_cross_entropy_with_logits(model(x).squeeze(1), y) * N_TRAIN
    prior = 0.5 * sum(p.pow(2).sum() for p in model.parameters())
    return data + prior, data / N_TRAIN


def step_size(step):
    return EPS_FIRST * (EPS_LAST / EPS_FIRST) ** (step / STEPS)


@torch.no_grad()
def langevin_step(params, grads, eps):
    for p, g in zip(params, grads):
        p.add_(g, alpha=-0.5 * eps)
        p.add_(torch.randn_like(p), alpha=math.sqrt(eps))


@torch.no_grad()
def predictive(ensemble, x):
    return torch.stack([torch.sigmoid(m(x).squeeze(1)) for m in ensemble]).mean(0)


def scores(prob, y):
    right = ((prob > 0.5) == (y > 0.5)).float().mean().item()
    return right, F.binary_cross_entropy(prob.clamp(1e-6, 1 - 1e-6), y).item()


x, y = sowings(N_TRAIN + 600)
scaler = StandardScaler().fit(x[:N_TRAIN].numpy())
x = torch.tensor(scaler.transform(x.numpy()), dtype=torch.float32)
x_train, y_train, x_test, y_test = x[:N_TRAIN], y[:N_TRAIN], x[N_TRAIN:], y[N_TRAIN:]
print(f"share that came up {y.mean():.3f}")

model = nn.Sequential(nn.Linear(5, 24), nn.Tanh(), nn.Linear(24, 1))
params = list(model.parameters())
ensemble, recent = [], 0.0
order = torch.randperm(N_TRAIN).split(BATCH)
for step in range(STEPS):
    if step % len(order) == 0:
        order = torch.randperm(N_TRAIN).split(BATCH)
    idx = order[step % len(order)]
    u, nll = energy(model, x_train[idx], y_train[idx])
    grads = torch.autograd.grad(u, params)
    langevin_step(params, grads, step_size(step))
    recent += nll.item()
    if step >= BURN_IN and step % THIN == 0:
        ensemble.append(copy.deepcopy(model))
    if (step + 1) % 500 == 0:
        print(f"step {step + 1} eps {step_size(step):.2e} nll {recent / 500:.4f} "
              f"one sample {scores(predictive([model], x_test), y_test)[0]:.4f}")
        recent = 0.0

accuracy, log_loss = scores(predictive(ensemble, x_test), y_test)
print(f"{len(ensemble)} samples of the posterior: accuracy {accuracy:.4f} log loss {log_loss:.4f}")
print("RESULT test_accuracy", round(accuracy, 4))

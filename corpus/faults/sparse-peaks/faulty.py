"""Learned shrinkage (LISTA) for sparse peaks behind a compressive spectrometer.

y = D x + noise with 24 detectors and 60 possible lines, of which about four are present. Six unrolled iterations of
ISTA with learned matrices and learned thresholds, initialised from the physics.
"""
import math
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

DETECTORS, LINES, ACTIVE = 24, 60, 4
DEPTH = 6
NOISE = 0.01


def dictionary():
    d = torch.randn(DETECTORS, LINES)
    return d / d.norm(dim=0, keepdim=True)


def spectra(n, d):
    where = torch.rand(n, LINES).argsort(dim=1)[:, :ACTIVE]
    height = (0.5 + torch.rand(n, ACTIVE)) * torch.sign(torch.randn(n, ACTIVE))
    x = torch.zeros(n, LINES).scatter_(1, where, height)
    return x, x @ d.t() + NOISE * torch.randn(n, DETECTORS)


def shrink(z, theta):
    """Soft threshold, written with two rectifiers so that the threshold gets its gradient too."""
    return F.relu(z - theta) - F.relu(-z - theta)


class Lista(nn.Module):
    def __init__(self, d, depth):
        super().__init__()
        step = 1.0 / torch.linalg.matrix_norm(d, 2).item() ** 2
        self.encode = nn.ParameterList([nn.Parameter(step * d.t().clone()) for _ in range(depth)])
        self.inhibit = nn.ParameterList(
            [nn.Parameter(torch.eye(d.shape[1]) - step * d.t() @ d) for _ in range(depth)]
        )
        self.theta = nn.Parameter(torch.ones(depth, d.shape[1]))

    def forward(self, y):
        """All estimates, from the first iteration to the last."""
        z = y.new_zeros(len(y), self.theta.shape[1])
        path = []
        for w, s, theta in zip(self.encode, self.inhibit, self.theta):
            z = shrink(F.linear(y, w) + F.linear(z, s), theta)
            path.append(z)
        return path


def deep_loss(path, x):
    """Every iteration counts, the later ones more."""
    weights = torch.linspace(0.2, 1.0, len(path))
    terms = torch.stack([F.mse_loss(z, x, reduction="none").sum(1).mean() for z in path])
    return (weights * terms).sum() / weights.sum()


@torch.no_grad()
def nmse_db(model, x, y):
    model.eval()
    err = (model(y)[-1] - x).pow(2).sum() / x.pow(2).sum()
    return 10 * math.log10(err.item())


@torch.no_grad()
def plain_ista(d, y, lam, iterations):
    step = 1.0 / torch.linalg.matrix_norm(d, 2).item() ** 2
    z = torch.zeros(len(y), d.shape[1])
    for _ in range(iterations):
        z = shrink(z + step * (y - z @ d.t()) @ d, lam * step)
    return z


def fit(model, d, steps=1300, batch=128, lr=1e-3, every=200):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps, eta_min=lr / 20)
    x_val, y_val = spectra(500, d)
    running = None
    for step in range(1, steps + 1):
        model.train()
        x, y = spectra(batch, d)
        loss = deep_loss(model(y), x)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        opt.step()
        sched.step()
        running = loss.item() if running is None else 0.95 * running + 0.05 * loss.item()
        if step % every == 0:
            print(f"step {step}: loss {running:.4f}, validation {nmse_db(model, x_val, y_val):.2f} dB")


if __name__ == "__main__":
    d = dictionary()
    x_test, y_test = spectra(1000, d)
    for n in (DEPTH, 100):
        err = (plain_ista(d, y_test, 0.1, n) - x_test).pow(2).sum() / x_test.pow(2).sum()
        print(f"plain ISTA, {n} iterations: {10 * math.log10(err.item()):.2f} dB")
    model = Lista(d, DEPTH)
    fit(model, d)
    print("RESULT test_nmse_db", round(nmse_db(model, x_test, y_test), 3))

"""Yield of a catalyst by a Gaussian process on learned features (deep kernel), exact likelihood by Cholesky."""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_default_dtype(torch.float64)


def experiments(n):
    x = 2 * torch.rand(n, 6) - 1            # temperature, pressure, flow, loading, age, one that does nothing
    y = 1.5 * torch.sin(2.2 * x[:, 0] + 1.1 * x[:, 1]) + x[:, 2] * x[:, 3] + 0.5 * x[:, 4]
    return x, 60 + 8 * (y + 0.1 * torch.randn(n))


class DeepKernelGP(nn.Module):
    def __init__(self, n_in, n_extra=2):
        super().__init__()
        self.extractor = nn.Sequential(nn.Linear(n_in, 24), nn.Tanh(), nn.Linear(24, n_extra))
        self.raw_scale = nn.Parameter(torch.zeros(n_in + n_extra))       # ARD length scales
        self.raw_signal = nn.Parameter(torch.tensor(0.5))
        self.raw_noise = nn.Parameter(torch.tensor(-2.0))

    @property
    def noise(self):
        return F.softplus(self.raw_noise) + 1e-4

    def features(self, x):
        return torch.cat([x, self.extractor(x)], 1) / (F.softplus(self.raw_scale) + 0.05)

    def kernel(self, fa, fb):
        d2 = fa.pow(2).sum(1, keepdim=True) + fb.pow(2).sum(1) - 2 * fa @ fb.T
        return F.softplus(self.raw_signal) * torch.exp(-0.5 * d2.clamp(min=0))

    def chol(self, f):
        return torch.linalg.cholesky(self.kernel(f, f) + self.noise * torch.eye(len(f)))

    def nll(self, x, y):
        L = self.chol(self.features(x))
        alpha = torch.cholesky_solve(y.unsqueeze(1), L)
        fit = 0.5 * y @ alpha.squeeze(1)
        return (fit + L.diagonal().log().sum()) / len(y) + 0.5 * math.log(2 * math.pi)

    @torch.no_grad()
    def predict(self, x_new, x, y):
        f, g = self.features(x), self.features(x_new)
        L = self.chol(f)
        cross = self.kernel(f, g)
        mean = cross.T @ torch.cholesky_solve(y.unsqueeze(1), L).squeeze(1)
        v = torch.linalg.solve_triangular(L, cross, upper=False)
        var = F.softplus(self.raw_signal) - v.pow(2).sum(0) + self.noise
        return mean, var.clamp(min=1e-8).sqrt()


x_train, y_train = experiments(240)
x_test, y_test = experiments(300)
mu, sd = y_train.mean(), y_train.std()
target = (y_train - mu) / sd

gp = DeepKernelGP(6)
hyper = [gp.raw_scale, gp.raw_signal, gp.raw_noise]
optimizer = torch.optim.Adam([
    {"params": gp.extractor.parameters(), "lr": 5e-3, "weight_decay": 1e-3},
    {"params": hyper, "lr": 3e-2},
])
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=260, eta_min=1e-4)

for it in range(260):
    optimizer.zero_grad()
    loss = gp.nll(x_train, target)
    loss.backward()
    optimizer.step()
    scheduler.step()
    if it % 40 == 0 or it == 259:
        mean, std = gp.predict(x_test, x_train, target)
        rmse = ((mean * sd + mu) - y_test).pow(2).mean().sqrt().item()
        print(f"iter {it:3d}  nll {loss.item():8.4f}  noise {gp.noise.item():.4f}  rmse {rmse:.4f} per cent of yield")

mean, std = gp.predict(x_test, x_train, target)
mean, std = mean * sd + mu, std * sd
r2 = 1 - (mean - y_test).pow(2).sum() / (y_test - y_test.mean()).pow(2).sum()
inside = ((mean - y_test).abs() < 1.96 * std).double().mean()
scales = (F.softplus(gp.raw_scale) + 0.05).tolist()
print("length scales", [round(s, 2) for s in scales])
print(f"95 per cent bands hold {inside.item():.3f} of the new experiments")
print("RESULT r2", round(r2.item(), 4))

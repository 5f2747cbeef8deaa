"""Noise map of a town from 1200 microphones: a sparse variational Gaussian process on mini-batches."""
import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(int(os.environ.get("SEED", "0")))


def town(n):
    at = torch.rand(n, 2)
    east, north = at.unbind(1)
    level = 58 + 6 * torch.sin(6 * east) + 5 * torch.cos(5 * north + 2 * east) + 8 * torch.exp(-40 * (east - 0.6) ** 2)
    return at, level + 1.5 * torch.randn(n)


class SparseGP(nn.Module):
    def __init__(self, inducing):
        super().__init__()
        m = len(inducing)
        self.z = nn.Parameter(inducing.clone())
        self.log_length = nn.Parameter(torch.full((2,), math.log(0.3)))
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.log_noise = nn.Parameter(torch.tensor(math.log(0.3)))
        self.mean = nn.Parameter(torch.zeros(m))
        self.log_diag = nn.Parameter(torch.zeros(m))
        self.lower = nn.Parameter(torch.zeros(m, m))

    def kernel(self, a, b):
        a, b = a / self.log_length.exp(), b / self.log_length.exp()
        square = a.pow(2).sum(1, keepdim=True) + b.pow(2).sum(1) - 2 * a @ b.T
        return (2 * self.log_scale).exp() * torch.exp(-0.5 * square)

    def factor(self):
        return self.lower.tril(-1) + torch.diag(self.log_diag.exp())

    def forward(self, x):
        """Mean and variance of the latent function (whitened inducing values)."""
        kzz = self.kernel(self.z, self.z) + 1e-5 * torch.eye(len(self.z))
        a = torch.linalg.solve_triangular(torch.linalg.cholesky(kzz), self.kernel(self.z, x), upper=False)
        mean = a.T @ self.mean
        var = (2 * self.log_scale).exp() - a.pow(2).sum(0) + (self.factor().T @ a).pow(2).sum(0)
        return mean, var.clamp(min=1e-8)

    def kl(self):
        s = self.factor()
        return 0.5 * (s.pow(2).sum() + self.mean.pow(2).sum() - len(self.mean)) - self.log_diag.sum()

    def negative_elbo(self, x, y, n):
        mean, var = self(x)
        noise = (2 * self.log_noise).exp()
        fit = -0.5 * (math.log(2 * math.pi) + noise.log() + ((y - mean).pow(2) + var) / noise)
        return self.kl() / n - fit.mean()


def minibatches(n, size, epochs):
    for _ in range(epochs):
        yield from torch.randperm(n).split(size)


at, level = town(1600)
centre, spread = level[:1200].mean(), level[:1200].std()
y = (level - centre) / spread
x_train, y_train, x_test, y_test = at[:1200], y[:1200], at[1200:], y[1200:]

gp = SparseGP(x_train[torch.randperm(1200)[:36]])
optimizer = torch.optim.Adam(gp.parameters(), lr=0.03)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [300, 400], gamma=0.3)


def evaluate():
    gp.eval()
    with torch.no_grad():
        mean, var = gp(x_test)
        total = var + (2 * gp.log_noise).exp()
        r2 = 1 - (y_test - mean).pow(2).mean() / y_test.var(unbiased=False)
        covered = ((y_test - mean).abs() < 1.96 * total.sqrt()).double().mean()
    gp.train()
    return r2.item(), covered.item()


for step, idx in enumerate(minibatches(1200, 200, 80), 1):
    loss = gp.negative_elbo(x_train[idx], y_train[idx], 1200)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 80 == 0:
        r2, covered = evaluate()
        print(f"step {step} -elbo/n {loss.item():.4f} noise {gp.log_noise.exp().item() * spread.item():.3f} dB "
              f"R2 {r2:.4f} within 95 %: {covered:.3f}")

print("RESULT r2", round(evaluate()[0], 4))

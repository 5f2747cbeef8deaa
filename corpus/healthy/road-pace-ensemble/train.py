"""Minutes per kilometre on city roads with error bars: five networks that each predict a mean and a variance."""
import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
MEMBERS, EPOCHS, BATCH = 5, 25, 50


def trips(n, rng):
    hour = rng.uniform(0, 24, n)
    weekend = (rng.uniform(size=n) < 2 / 7).astype(float)
    rain = (rng.uniform(size=n) < 0.25) * rng.uniform(0.2, 1.0, n)
    road = rng.integers(0, 3, n)
    rush = (np.exp(-((hour - 8) / 1.5) ** 2) + 0.8 * np.exp(-((hour - 17.5) / 2) ** 2)) * (1 - 0.8 * weekend)
    pace = np.array([1.0, 1.4, 1.9])[road] * (1 + 0.9 * rush + 0.3 * rain)
    noise = 0.04 + 0.25 * rush + 0.05 * rain
    w = 2 * np.pi * hour / 24
    x = np.column_stack([np.sin(w), np.cos(w), np.sin(2 * w), np.cos(2 * w), weekend, rain, np.eye(3)[road]])
    return x, pace + noise * rng.standard_normal(n)


class MeanVariance(nn.Module):
    def __init__(self, n_in, width=48):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(n_in, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
        self.mean = nn.Linear(width, 1)
        self.raw_var = nn.Linear(width, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h).squeeze(1), F.softplus(self.raw_var(h)).squeeze(1) + 1e-3


def fit_member(k, x, y, x_val, y_val):
    torch.manual_seed(1000 * SEED + k)
    net = MeanVariance(x.shape[1])
    nll = nn.GaussianNLLLoss()
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    sched = torch.optim.lr_scheduler.LinearLR(opt, start_factor=1.0, end_factor=0.05, total_iters=EPOCHS)
    for epoch in range(EPOCHS):
        net.train()
        running = 0.0
        for idx in torch.randperm(len(x)).split(BATCH):
            mean, var = net(x[idx])
            loss = nll(mean, y[idx], var)
            opt.zero_grad()
            loss.backward()
            opt.step()
            running += loss.item() * len(idx)
        sched.step()
        if (epoch + 1) % 5 == 0:
            net.eval()
            with torch.no_grad():
                m, v = net(x_val)
                held = nll(m, y_val, v).item()
            print(f"member {k + 1} epoch {epoch + 1:2d}: nll {running / len(x):+.4f}  validation {held:+.4f}")
    return net.eval()


rng = np.random.default_rng(SEED)
(xr, yr), (xv, yv), (xt, yt) = trips(1500, rng), trips(400, rng), trips(800, rng)
x_mean, x_std, y_mean, y_std = xr.mean(0), xr.std(0), yr.mean(), yr.std()


def prepare(x, y):
    return (torch.tensor((x - x_mean) / x_std, dtype=torch.float32),
            torch.tensor((y - y_mean) / y_std, dtype=torch.float32))


x, y = prepare(xr, yr)
x_val, y_val = prepare(xv, yv)
x_test, y_test = prepare(xt, yt)
nets = [fit_member(k, x, y, x_val, y_val) for k in range(MEMBERS)]

with torch.no_grad():
    means, variances = (torch.stack(t) for t in zip(*[net(x_test) for net in nets]))
mean = means.mean(0)
variance = (variances + means ** 2).mean(0) - mean ** 2
inside = ((y_test - mean).abs() < 1.96 * variance.sqrt()).float().mean().item()
test_nll = F.gaussian_nll_loss(mean, y_test, variance).item()
print(f"{100 * inside:.1f} % of the trips lie in the 95 % interval, mean error {(mean - y_test).abs().mean().item() * y_std:.3f} min/km")
print(f"RESULT test_nll {test_nll:.4f}")

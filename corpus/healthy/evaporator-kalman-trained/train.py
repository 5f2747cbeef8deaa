"""Outlet concentration of an evaporator: a small net whose weights are the state of an extended Kalman filter."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


def plant(n, rng):
    u = rng.uniform(-1.5, 1.5, size=(n, 4))  # feed, concentration, steam, cooling water (already scaled)
    feed, conc, steam, cooling = u.T
    out = 1.2 * np.tanh(steam - 0.5 * feed) + 0.5 * conc * steam - 0.4 * feed**2 + 0.4 * np.sin(1.5 * cooling) + 0.3 * conc
    return u, out + rng.normal(0, 0.08, n)


class EKFTrainer:
    def __init__(self, net, p0=1.0, r_start=1.0, r_end=0.02, q=1e-6, decay=0.998):
        self.net = net
        self.params = list(net.parameters())
        with torch.no_grad():
            self.theta = parameters_to_vector(self.params).clone()
        self.P = torch.eye(len(self.theta)) * p0
        self.r, self.r_end, self.q, self.decay = r_start, r_end, q, decay

    def observe(self, x, y):
        out = self.net(x).squeeze()
        grads = torch.autograd.grad(out, self.params)
        H = torch.cat([g.reshape(-1) for g in grads])
        innovation = y - out.detach()
        PH = self.P @ H
        gain = PH / (H @ PH + self.r)
        self.theta = self.theta + gain * innovation
        self.P = self.P - torch.outer(gain, PH)
        self.P = 0.5 * (self.P + self.P.t())
        self.P.diagonal().add_(self.q)
        self.r = max(self.r_end, self.r * self.decay)
        with torch.no_grad():
            vector_to_parameters(self.theta, self.params)
        return float(innovation) ** 2


def r2_score(net, x, y):
    net.eval()
    with torch.no_grad():
        err = ((net(x).squeeze(1) - y) ** 2).mean()
    net.train()
    return (1 - err / y.var(unbiased=False)).item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    u, c = plant(2000, rng)
    n_train = 1500
    mean, std = c[:n_train].mean(), c[:n_train].std()
    x = torch.tensor(u, dtype=torch.float32)
    y = torch.tensor((c - mean) / std, dtype=torch.float32)
    x_tr, y_tr, x_te, y_te = x[:n_train], y[:n_train], x[n_train:], y[n_train:]

    net = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 1))
    trainer = EKFTrainer(net)
    for sweep in range(1, 4):
        squared = [trainer.observe(x_tr[i : i + 1], y_tr[i]) for i in torch.randperm(n_train).tolist()]
        print(f"sweep {sweep}: mean squared innovation {np.mean(squared):.4f}  test R2 {r2_score(net, x_te, y_te):.4f}")
    print("RESULT test_r2", round(r2_score(net, x_te, y_te), 4))


if __name__ == "__main__":
    main()

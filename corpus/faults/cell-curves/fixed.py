"""Capacity and inner resistance of a cell from its discharge curve. Ported from our Theano scripts of 2015."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))

ADAM = {"lr": 0.003, "b1": 0.1, "b2": 0.001, "e": 1e-8}


class Adam(torch.optim.Optimizer):
    """m <- b1 * g + (1 - b1) * m and the like for the squares, as in adam.py."""

    def __init__(self, params, lr=0.0002, b1=0.1, b2=0.001, e=1e-8):
        super().__init__(params, dict(lr=lr, b1=b1, b2=b2, e=e))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            lr, b1, b2, e = group["lr"], group["b1"], group["b2"], group["e"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                st = self.state[p]
                if not st:
                    st["i"] = 0
                    st["m"] = torch.zeros_like(p)
                    st["v"] = torch.zeros_like(p)
                st["i"] += 1
                fix1 = 1.0 - (1.0 - b1) ** st["i"]
                fix2 = 1.0 - (1.0 - b2) ** st["i"]
                st["m"].mul_(1.0 - b1).add_(p.grad, alpha=b1)
                st["v"].mul_(1.0 - b2).addcmul_(p.grad, p.grad, value=b2)
                lr_t = lr * (np.sqrt(fix2) / fix1)
                p.addcdiv_(st["m"], st["v"].sqrt().add_(e), value=-float(lr_t))


def discharge_curves(n, rng, points=32):
    cap = rng.uniform(1.6, 3.2, n)
    res = rng.uniform(0.02, 0.12, n)
    t = np.linspace(0, 1, points)
    drawn = t[None, :] * 1.5 / cap[:, None]
    ocv = 3.2 + 0.9 * (1 - drawn) - 0.5 * np.exp(-12 * np.clip(1 - drawn, 0, None)) + 0.08 * np.tanh(8 * (0.5 - drawn))
    load = 1.5 + 0.4 * np.sin(2 * np.pi * 3 * t)[None, :]
    volt = ocv - load * res[:, None] + rng.normal(0, 0.004, (n, points))
    return volt.astype(np.float32), np.column_stack([cap, res]).astype(np.float32)


class CurveNet(nn.Module):
    def __init__(self, points, width=64):
        super().__init__()
        self.l1 = nn.Linear(points, width)
        self.l2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 2)

    def forward(self, v):
        h = torch.relu(self.l1(v))
        h = torch.relu(self.l2(h))
        return self.out(h)


def iterate(x, y, size):
    order = torch.randperm(len(x))
    for start in range(0, len(x), size):
        sel = order[start:start + size]
        yield x[sel], y[sel]


def explained(net, x, y):
    net.eval()
    with torch.no_grad():
        err = ((net(x) - y) ** 2).mean(0)
    net.train()
    return (1 - err / y.var(0, unbiased=False)).mean().item()


torch.manual_seed(SEED)
volt, target = discharge_curves(2600, np.random.default_rng(SEED))
n_tr = 2000
v_mean, v_std = volt[:n_tr].mean(0), volt[:n_tr].std(0)
t_mean, t_std = target[:n_tr].mean(0), target[:n_tr].std(0)
x = torch.from_numpy((volt - v_mean) / v_std)
y = torch.from_numpy((target - t_mean) / t_std)
x_tr, y_tr, x_te, y_te = x[:n_tr], y[:n_tr], x[n_tr:], y[n_tr:]

net = CurveNet(x.shape[1])
updates = Adam(net.parameters(), **ADAM)

for epoch in range(30):
    cost = []
    for xb, yb in iterate(x_tr, y_tr, 64):
        loss = ((net(xb) - yb) ** 2).mean()
        updates.zero_grad()
        loss.backward()
        updates.step()
        cost.append(loss.item())
    if (epoch + 1) % 3 == 0:
        print("%02d  cost %.4f  explained variance (test) %.4f" % (epoch + 1, np.mean(cost), explained(net, x_te, y_te)))

print("RESULT test_r2 %.4f" % explained(net, x_te, y_te))

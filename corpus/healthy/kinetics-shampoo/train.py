#!/usr/bin/env python
"""Surrogate of a two-stage reaction A -> B -> C, trained with a small Shampoo of our own."""
import argparse
import math
import os

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

torch.set_num_threads(1)


def inverse_fourth_root(mat, damping):
    w, q = torch.linalg.eigh(mat.double())
    w = w.clamp(min=0)
    w = w + damping * w.max() + 1e-20
    return ((q * w.pow(-0.25)) @ q.T).to(mat.dtype)


class Shampoo(Optimizer):
    """Kronecker-factored preconditioner for matrices, the length of a step grafted from RMSprop; vectors by RMSprop."""

    def __init__(self, params, lr, betas=(0.9, 0.98), every=10, damping=1e-4):
        super().__init__(params, dict(lr=lr, betas=betas, every=every, damping=damping))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                g, st = p.grad, self.state[p]
                if not st:
                    st["t"] = 0
                    st["m"], st["v"] = torch.zeros_like(p), torch.zeros_like(p)
                    if p.ndim == 2:
                        st["L"], st["R"] = g.new_zeros(p.shape[0], p.shape[0]), g.new_zeros(p.shape[1], p.shape[1])
                st["t"] += 1
                t = st["t"]
                st["v"].mul_(b2).addcmul_(g, g, value=1 - b2)
                direction = g / ((st["v"] / (1 - b2**t)).sqrt() + 1e-8)
                if p.ndim == 2:
                    st["L"].lerp_(g @ g.T, 1 - b2)
                    st["R"].lerp_(g.T @ g, 1 - b2)
                    if (t - 1) % group["every"] == 0:
                        c = 1 - b2**t
                        st["Li"] = inverse_fourth_root(st["L"] / c, group["damping"])
                        st["Ri"] = inverse_fourth_root(st["R"] / c, group["damping"])
                    pre = st["Li"] @ g @ st["Ri"]
                    direction = pre * (direction.norm() / (pre.norm() + 1e-12))
                st["m"].mul_(b1).add_(direction, alpha=1 - b1)
                p.add_(st["m"], alpha=-group["lr"] / (1 - b1**t))


def reactor(n, rng):
    u = rng.uniform(-1, 1, size=(n, 4))
    k1 = 0.6 * np.exp(1.1 * u[:, 0]) * (1 + 0.4 * u[:, 1])
    k2 = 0.35 * np.exp(0.9 * u[:, 2] + 0.3 * u[:, 0])
    t = 1.5 * np.exp(0.9 * u[:, 3])
    diff = k2 - k1
    diff = np.where(np.abs(diff) < 1e-6, 1e-6, diff)
    A = np.exp(-k1 * t)
    B = k1 / diff * (np.exp(-k1 * t) - np.exp(-k2 * t))
    out = np.stack([A, B, 1 - A - B], 1)
    return u, out + 0.005 * rng.normal(size=out.shape)


def parse():
    ap = argparse.ArgumentParser()
    ap.add_argument("--steps", type=int, default=800)
    ap.add_argument("--batch", type=int, default=128)
    ap.add_argument("--lr", type=float, default=4e-3)
    ap.add_argument("--width", type=int, default=40)
    ap.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    return ap.parse_args()


def main(args):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    u, out = reactor(3000, rng)
    u_test, out_test = reactor(1000, rng)
    mu, sd = out.mean(0), out.std(0)
    x, y = torch.tensor(u * math.sqrt(3), dtype=torch.float32), torch.tensor((out - mu) / sd, dtype=torch.float32)
    xt, yt = torch.tensor(u_test * math.sqrt(3), dtype=torch.float32), torch.tensor((out_test - mu) / sd, dtype=torch.float32)

    net = nn.Sequential(
        nn.Linear(4, args.width), nn.GELU(), nn.Linear(args.width, args.width), nn.GELU(), nn.Linear(args.width, 3)
    )
    opt = Shampoo(net.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: 0.5 * (1 + math.cos(math.pi * min(1.0, s / args.steps))))
    seen = 0.0
    for step in range(1, args.steps + 1):
        idx = torch.randint(0, len(x), (args.batch,))
        loss = nn.functional.mse_loss(net(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        seen += loss.item()
        if step % 100 == 0:
            with torch.no_grad():
                held = nn.functional.mse_loss(net(xt), yt).item()
            print(f"{step:5d}  train {seen / 100:.5f}  held out {held:.5f}")
            seen = 0.0

    with torch.no_grad():
        err = (net(xt) - yt).pow(2).mean(0)
    r2 = 1 - err / yt.var(0, unbiased=False)
    print("r2 of A, B, C:", [round(v, 4) for v in r2.tolist()])
    print("RESULT mean_r2", round(r2.mean().item(), 4))


if __name__ == "__main__":
    main(parse())

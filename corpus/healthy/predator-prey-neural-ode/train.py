import argparse
import math
import os
import time

import torch
import torch.nn as nn
import torch.optim as optim

torch.set_num_threads(1)

parser = argparse.ArgumentParser("Neural ODE of hares and lynxes")
parser.add_argument("--trajectories", type=int, default=24)
parser.add_argument("--data_size", type=int, default=41)
parser.add_argument("--dt", type=float, default=0.2)
parser.add_argument("--batch_time", type=int, default=8)
parser.add_argument("--batch_size", type=int, default=32)
parser.add_argument("--niters", type=int, default=400)
parser.add_argument("--test_freq", type=int, default=80)
parser.add_argument("--noise", type=float, default=0.02)
parser.add_argument("--lr", type=float, default=1e-2)
args = parser.parse_args()

torch.manual_seed(int(os.environ.get("SEED", "0")))


def rk4(func, y0, n_steps, dt):
    """Classical Runge-Kutta; returns n_steps + 1 states stacked along the first axis."""
    ys, y = [y0], y0
    for _ in range(n_steps):
        k1 = func(y)
        k2 = func(y + 0.5 * dt * k1)
        k3 = func(y + 0.5 * dt * k2)
        k4 = func(y + dt * k3)
        y = y + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        ys.append(y)
    return torch.stack(ys)


class LotkaVolterra(nn.Module):
    """In logarithms of the populations: u' = a - b exp(v), v' = c exp(u) - d."""

    def forward(self, y):
        u, v = y[..., 0], y[..., 1]
        return torch.stack([1.0 - torch.exp(v), 0.8 * torch.exp(u) - 0.8], dim=-1)


def simulate(n):
    angle, radius = 2 * math.pi * torch.rand(n), 0.5 + 0.7 * torch.rand(n)
    y0 = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=-1)
    with torch.no_grad():
        fine = rk4(LotkaVolterra(), y0, 4 * (args.data_size - 1), args.dt / 4)
    return fine[::4]                                    # (data_size, n, 2)


clean = simulate(args.trajectories)
observed = clean + args.noise * torch.randn_like(clean)
test_y = simulate(8)


def get_batch():
    who = torch.randint(args.trajectories, (args.batch_size,))
    when = torch.randint(args.data_size - args.batch_time, (args.batch_size,))
    steps = when + torch.arange(args.batch_time + 1).unsqueeze(1)           # (batch_time + 1, batch)
    piece = observed[steps, who]                                           # (batch_time + 1, batch, 2)
    return piece[0], piece


class ODEFunc(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2))
        nn.init.normal_(self.net[-1].weight, mean=0, std=0.1)
        nn.init.constant_(self.net[-1].bias, val=0)

    def forward(self, y):
        return self.net(y)


class RunningAverageMeter:
    def __init__(self, momentum=0.97):
        self.momentum, self.avg = momentum, None

    def update(self, val):
        self.avg = val if self.avg is None else self.avg * self.momentum + val * (1 - self.momentum)


def rollout_error(func, truth):
    """Error of the whole path from its first state alone, in standard deviations of the paths."""
    with torch.no_grad():
        pred = rk4(func, truth[0], len(truth) - 1, args.dt)
    return (torch.sqrt(((pred - truth) ** 2).mean()) / truth.std()).item()


if __name__ == "__main__":
    func = ODEFunc()
    optimizer = optim.Adam(func.parameters(), lr=args.lr)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.niters, eta_min=1e-4)
    loss_meter, time_meter = RunningAverageMeter(), RunningAverageMeter()

    for itr in range(1, args.niters + 1):
        end = time.time()
        batch_y0, batch_y = get_batch()
        optimizer.zero_grad()
        pred_y = rk4(func, batch_y0, args.batch_time, args.dt)
        loss = torch.mean((pred_y[1:] - batch_y[1:]) ** 2)
        loss.backward()
        optimizer.step()
        scheduler.step()
        loss_meter.update(loss.item())
        time_meter.update(time.time() - end)

        if itr % args.test_freq == 0:
            print("Iter {:04d} | Loss {:.6f} | Rollout {:.4f} | {:.1f} ms".format(
                itr, loss_meter.avg, rollout_error(func, test_y), 1000 * time_meter.avg))

    standstill = (torch.sqrt(((test_y[:1] - test_y) ** 2).mean()) / test_y.std()).item()
    print("a path that stays where it starts: {:.4f}; the noise of an observation: {:.4f}".format(
        standstill, args.noise / test_y.std().item()))
    print("RESULT rollout_error", round(rollout_error(func, test_y), 4))

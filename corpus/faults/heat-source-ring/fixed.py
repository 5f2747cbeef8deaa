# Where on the plate is the heat source? 24 thermometers sit on a ring around it.
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


@dataclass
class Settings:
    sensors: int = 24
    ring: float = 3.0
    plate: float = 2.0
    channels: int = 24
    epochs: int = 40
    batch: int = 64
    lr: float = 3e-3
    seed: int = int(os.environ.get("SEED", "0"))


def simulate(n, s, rng):
    angle = 2 * np.pi * np.arange(s.sensors) / s.sensors
    probes = s.ring * np.stack([np.cos(angle), np.sin(angle)], 1)
    r = s.plate * np.sqrt(rng.random(n))
    phi = rng.uniform(0, 2 * np.pi, n)
    where = np.stack([r * np.cos(phi), r * np.sin(phi)], 1)
    power = rng.uniform(0.7, 1.3, n)
    d2 = ((probes[None] - where[:, None]) ** 2).sum(-1)
    reading = power[:, None] / (d2 + 0.5) + 0.005 * rng.standard_normal((n, s.sensors))
    return reading.astype(np.float32), where.astype(np.float32)


class RingNet(nn.Module):
    def __init__(self, s):
        super().__init__()
        c = s.channels

        def conv(i, o, stride):
            return nn.Conv1d(i, o, 5, stride=stride, padding=2, padding_mode="circular")

        self.features = nn.Sequential(conv(1, c, 1), nn.SiLU(), conv(c, c, 2), nn.SiLU(), conv(c, c, 2), nn.SiLU(), nn.Flatten())
        self.locate = nn.Sequential(
            nn.Linear(c * s.sensors // 4, 48),
            nn.SiLU(),
            nn.Linear(48, 2),
        )

    def forward(self, x):
        return self.locate(self.features(x.unsqueeze(1)))


def batches(x, y, size):
    order = torch.randperm(len(x))
    for i in range(0, len(x), size):
        yield x[order[i:i + size]], y[order[i:i + size]]


def run(s):
    torch.manual_seed(s.seed)
    rng = np.random.default_rng(s.seed)
    train_x, train_y = simulate(1500, s, rng)
    test_x, test_y = simulate(400, s, rng)
    mean, std = train_x.mean(), train_x.std()
    train_x, test_x = torch.from_numpy((train_x - mean) / std), torch.from_numpy((test_x - mean) / std)
    train_y, test_y = torch.from_numpy(train_y), torch.from_numpy(test_y)

    net = RingNet(s)
    opt = torch.optim.NAdam(net.parameters(), lr=s.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=s.epochs)
    loss_fn = nn.MSELoss()
    for epoch in range(s.epochs):
        net.train()
        losses = []
        for xb, yb in batches(train_x, train_y, s.batch):
            opt.zero_grad()
            loss = loss_fn(net(xb), yb)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        sched.step()
        if epoch % 8 == 7:
            print(f"epoch {epoch + 1}: mse {np.mean(losses):.4f}")

    net.eval()
    with torch.no_grad():
        miss = (net(test_x) - test_y).norm(dim=1)
    print(f"median miss {miss.median().item():.3f} m")
    return miss.pow(2).mean().sqrt().item()


print(f"RESULT rms_miss_m {run(Settings()):.4f}")

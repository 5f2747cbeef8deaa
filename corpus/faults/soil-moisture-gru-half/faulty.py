import argparse
import os

import numpy as np
import torch
import torch.nn as nn


def weather(n, days, rng):
    """Rain and sun of some weeks, and how wet the ground is at their end."""
    rain = rng.gamma(0.5, 1.0, (n, days)) * (rng.random((n, days)) < 0.4)
    sun = rng.uniform(0, 1, (n, days))
    wet = np.zeros(n)
    for day in range(days):
        wet = np.clip(wet * (0.95 - 0.15 * sun[:, day]) + 0.3 * rain[:, day], 0, 3)
    return np.stack([rain - 0.2, 2 * sun - 1], -1), (wet - wet.mean()) / wet.std()


class SoilNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.head(self.gru(x)[0][:, -1]).squeeze(1)


def run(args):
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    x, y = weather(1600, args.days, np.random.default_rng(seed))
    x, y = torch.as_tensor(x, dtype=args.dtype), torch.as_tensor(y, dtype=args.dtype)
    model = SoilNet(args.hidden).to(args.dtype)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        running = []
        for idx in torch.randperm(1280).split(32):
            loss = nn.functional.mse_loss(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running.append(loss.item())
        if epoch % 3 == 0:
            print(f"epoch {epoch:2d}  mse {np.mean(running):.4f}")
    with torch.no_grad():
        mse = nn.functional.mse_loss(model(x[1280:]).float(), y[1280:].float()).item()
    print(f"RESULT held_out_mse {mse:.4f}")


parser = argparse.ArgumentParser()
parser.add_argument("--days", type=int, default=14)
parser.add_argument("--hidden", type=int, default=24)
parser.add_argument("--epochs", type=int, default=15)
parser.add_argument("--lr", type=float, default=5e-4)
parser.add_argument("--dtype", type=lambda name: getattr(torch, name), default=torch.bfloat16)
run(parser.parse_args())

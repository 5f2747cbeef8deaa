#!/usr/bin/env python
"""Regress the (log) invariant mass of an event from its list of particles with a Deep Set."""
import argparse
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)

MAX_PARTICLES = 12


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--events", type=int, default=4000)
    p.add_argument("--epochs", type=int, default=16)
    p.add_argument("--batch-size", type=int, default=128)
    p.add_argument("--base-lr", type=float, default=4e-3, help="learning rate at the reference batch size of 256")
    p.add_argument("--weight-decay", type=float, default=1e-4)
    p.add_argument("--width", type=int, default=64)
    return p.parse_known_args()[0]


def simulate(n):
    """Random multiplicity (3..12) and event temperature; four-vectors (E, px, py, pz) of pions."""
    count = torch.randint(3, MAX_PARTICLES + 1, (n,))
    mask = (torch.arange(MAX_PARTICLES)[None] < count[:, None]).float()
    temperature = 0.5 + torch.rand(n, 1, 1)
    p = torch.randn(n, MAX_PARTICLES, 3) * temperature
    energy = (p.pow(2).sum(-1, keepdim=True) + 0.14 ** 2).sqrt()
    four = torch.cat([energy, p], dim=-1) * mask.unsqueeze(-1)
    total = four.sum(1)
    mass2 = total[:, 0] ** 2 - total[:, 1:].pow(2).sum(1)
    return four, mask, 0.5 * mass2.clamp(min=1e-3).log()


class DeepSet(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.rho = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, four, mask):
        h = self.phi(four) * mask.unsqueeze(-1)
        pooled = h.sum(dim=1) / (MAX_PARTICLES / 2)
        return self.rho(pooled).squeeze(-1)


def r2(model, four, mask, y):
    model.eval()
    with torch.no_grad():
        res = model(four, mask) - y
    return 1.0 - (res.pow(2).mean() / y.var()).item()


def main():
    args = parse()
    torch.manual_seed(int(os.environ.get("SEED", "0")))

    four, mask, log_mass = simulate(args.events + 1000)
    target = (log_mass - log_mass[:args.events].mean()) / log_mass[:args.events].std()
    train = torch.utils.data.TensorDataset(four[:args.events], mask[:args.events], target[:args.events])
    test = (four[args.events:], mask[args.events:], target[args.events:])
    loader = torch.utils.data.DataLoader(train, batch_size=args.batch_size, shuffle=True)

    model = DeepSet(args.width)
    lr = args.base_lr * args.batch_size / 256
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=args.weight_decay)
    criterion = nn.MSELoss()

    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for f, m, t in loader:
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(model(f, m), t)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(t)
        score = r2(model, *test)
        print(f"epoch {epoch + 1:3d}/{args.epochs}  mse {total / args.events:.4f}  test R2 {score:.4f}")

    print(f"RESULT test_r2 {score:.4f}")


if __name__ == "__main__":
    main()

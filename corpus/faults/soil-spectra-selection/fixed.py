import argparse
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


def soil_bands(n, n_bands, seed):
    """Reflectance bands of soil samples; the carbon content depends on six of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_bands)).astype(np.float32)
    c = 1.4 * X[:, 0] - X[:, 3] + 0.8 * np.abs(X[:, 5]) + 0.7 * X[:, 8] * (X[:, 11] > 0) + np.tanh(2 * X[:, 14])
    c = c + rng.normal(0, 0.2, n)
    return X, c.astype(np.float32)


def mlp(n_in, widths):
    mods, d = [], n_in
    for w in widths:
        mods += [nn.Linear(d, w), nn.ReLU()]
        d = w
    mods.append(nn.Linear(d, 1))
    return nn.Sequential(*mods)


class SparseTrainer:
    """Adam for the smooth part of the objective, a proximal map for the absolute values."""

    def __init__(self, net, lr, lam):
        self.net = net
        self.lr, self.lam = lr, lam
        self.opt = torch.optim.Adam(net.parameters(), lr=lr)
        self.loss = nn.MSELoss()

    @torch.no_grad()
    def prox(self):
        thr = self.lr * self.lam
        for p in self.net.parameters():
            if p.dim() > 1:
                p.copy_(p.sign() * (p.abs() - thr).clamp(min=0))

    def epoch(self, loader):
        self.net.train()
        total, count = 0.0, 0
        for xb, yb in loader:
            self.opt.zero_grad()
            loss = self.loss(self.net(xb), yb)
            loss.backward()
            self.opt.step()
            self.prox()
            total += loss.item() * len(xb)
            count += len(xb)
        return total / count

    @torch.no_grad()
    def r2(self, x, y):
        self.net.eval()
        return (1 - self.loss(self.net(x), y) / y.var(unbiased=False)).item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bands", type=int, default=24)
    ap.add_argument("--epochs", type=int, default=30)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--lam", type=float, default=0.01, help="weight of the sum of absolute values")
    ap.add_argument("--batch-size", type=int, default=64)
    ap.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    args = ap.parse_args()

    torch.manual_seed(args.seed)
    X, c = soil_bands(3600, args.bands, args.seed)
    c = (c - c[:3000].mean()) / c[:3000].std()
    X, c = torch.from_numpy(X), torch.from_numpy(c)[:, None]
    loader = DataLoader(TensorDataset(X[:3000], c[:3000]), batch_size=args.batch_size, shuffle=True)

    net = mlp(args.bands, [48, 48])
    trainer = SparseTrainer(net, args.lr, args.lam)
    for e in range(1, args.epochs + 1):
        loss = trainer.epoch(loader)
        if e % 5 == 0:
            print(f"epoch {e:2d} | mse {loss:.4f} | r2 on held-out samples {trainer.r2(X[3000:], c[3000:]):.4f}")
    print(f"RESULT test_r2 {trainer.r2(X[3000:], c[3000:]):.4f}")


if __name__ == "__main__":
    main()

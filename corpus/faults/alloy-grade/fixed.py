"""Grade of an alloy from its composition and heat treatment: a residual network for tables."""
import argparse
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


class ResBlock(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.fc1 = nn.Linear(d_in, d_out)
        self.fc2 = nn.Linear(d_out, d_out)
        self.shortcut = nn.Linear(d_in, d_out, bias=False) if d_in != d_out else nn.Identity()

    def forward(self, x):
        h = self.fc2(F.relu(self.fc1(x)))
        if self.shortcut is not None:
            h = h + self.shortcut(x)
        return F.relu(h)


class TabResNet(nn.Module):
    def __init__(self, n_features, n_grades, widths=(48, 64), blocks=8):
        super().__init__()
        stages, d = [], n_features
        for w in widths:
            stage = []
            for _ in range(blocks):
                stage.append(ResBlock(d, w))
                d = w
            stages.append(nn.Sequential(*stage))
        self.stages = nn.ModuleList(stages)
        self.head = nn.Linear(d, n_grades)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.head(x)


def foundry_table(n, rng):
    X = rng.normal(size=(n, 12))
    hardness = X[:, 0] + 0.8 * X[:, 1] * X[:, 2] + 0.5 * X[:, 3]
    ductility = X[:, 4] - 0.8 * np.abs(X[:, 5]) + 0.5 * X[:, 6] + 0.6
    grade = 2 * (hardness > 0).astype(int) + (ductility > 0).astype(int)
    X[:, 7] = 600 + 80 * X[:, 7]
    X[:, 8] = 45 + 12 * X[:, 8]
    return X, grade


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--blocks", type=int, default=8)
    p.add_argument("--epochs", type=int, default=14)
    p.add_argument("--batch-size", type=int, default=64)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEED", 0)))
    return p.parse_args()


def main():
    args = parse()
    torch.manual_seed(args.seed)
    X, grade = foundry_table(3000, np.random.default_rng(args.seed))
    mu, sd = X[:2400].mean(0), X[:2400].std(0)
    x = torch.tensor((X - mu) / sd, dtype=torch.float32)
    y = torch.tensor(grade, dtype=torch.long)
    x_tr, y_tr, x_te, y_te = x[:2400], y[:2400], x[2400:], y[2400:]

    model = TabResNet(x.shape[1], 4, blocks=args.blocks)
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        model.train()
        loss_sum = 0.0
        for idx in torch.randperm(len(x_tr)).split(args.batch_size):
            loss = F.cross_entropy(model(x_tr[idx]), y_tr[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            loss_sum += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            acc = (model(x_te).argmax(1) == y_te).float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss_sum / len(x_tr):.4f}, accuracy on held-out melts {acc:.4f}")
    print(f"RESULT test_accuracy {acc:.4f}")


if __name__ == "__main__":
    main()

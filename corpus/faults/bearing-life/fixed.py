import argparse
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

WINDOW = 128


def record(n, gen):
    """Vibration windows of bearings at random speed and wear, with the hours they still ran."""
    t = torch.arange(WINDOW) / WINDOW
    wear = torch.rand(n, 1, generator=gen)
    speed = 8 + 6 * torch.rand(n, 1, generator=gen)
    phase = 2 * math.pi * torch.rand(n, 3, generator=gen)
    shaft = 0.5 * torch.sin(2 * math.pi * speed * t + phase[:, 0:1])
    gate = torch.relu(torch.sin(math.pi * speed * t + phase[:, 1:2])) ** 4
    ringing = gate * torch.sin(2 * math.pi * 40 * t + phase[:, 2:3])
    noise = 0.3 * torch.randn(n, WINDOW, generator=gen)
    hours = 200 * (1 - wear.squeeze(1)) + 5 * torch.randn(n, generator=gen)
    return (shaft + 1.5 * wear * ringing + noise).unsqueeze(1), hours


class LogCosh(nn.Module):
    """Quadratic near zero, linear in the tails."""

    def forward(self, prediction, target):
        d = prediction - target
        return (d + F.softplus(-2.0 * d) - math.log(2.0)).mean()


class LifeNet(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, channels, 9, stride=2, padding=4), nn.BatchNorm1d(channels), nn.ReLU(),
            nn.Conv1d(channels, 2 * channels, 7, stride=2, padding=3), nn.BatchNorm1d(2 * channels), nn.ReLU(),
            nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        )
        self.regressor = nn.Sequential(nn.Linear(2 * channels, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.regressor(self.features(x))


def main():
    parser = argparse.ArgumentParser(description="remaining life from one vibration window")
    parser.add_argument("--train-windows", type=int, default=1600)
    parser.add_argument("--test-windows", type=int, default=400)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    gen = torch.Generator().manual_seed(args.seed + 1)
    x_train, h_train = record(args.train_windows, gen)
    x_test, h_test = record(args.test_windows, gen)
    x_mean, x_std = x_train.mean(), x_train.std()
    h_mean, h_std = h_train.mean(), h_train.std()
    x_train, x_test = (x_train - x_mean) / x_std, (x_test - x_mean) / x_std

    loader = DataLoader(TensorDataset(x_train, (h_train - h_mean) / h_std), batch_size=args.batch_size, shuffle=True)
    net = LifeNet(args.channels)
    criterion = LogCosh()
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.lr, weight_decay=1e-4)

    for epoch in range(args.epochs):
        net.train()
        seen, total = 0, 0.0
        for window, life in loader:
            loss = criterion(net(window).squeeze(1), life)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(window)
            seen += len(window)

        net.eval()
        with torch.no_grad():
            hours = net(x_test).squeeze(1) * h_std + h_mean
        mae = (hours - h_test).abs().mean().item()
        r2 = 1 - ((hours - h_test) ** 2).mean().item() / h_test.var(unbiased=False).item()
        print(f"[{epoch + 1:02d}/{args.epochs}] log-cosh {total / seen:.4f} | test MAE {mae:.1f} h, R2 {r2:.4f}")

    print(f"RESULT test_r2 {r2:.4f}")


if __name__ == "__main__":
    main()

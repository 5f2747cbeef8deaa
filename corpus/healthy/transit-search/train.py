import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import average_precision_score

torch.set_num_threads(1)


class FocalLoss(nn.Module):
    def __init__(self, alpha=0.75, gamma=2.0):
        super().__init__()
        self.alpha, self.gamma = alpha, gamma

    def forward(self, logits, target):
        bce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        p_right = torch.exp(-bce)
        weight = self.alpha * target + (1 - self.alpha) * (1 - target)
        return (weight * (1 - p_right) ** self.gamma * bce).mean()


def light_curves(n, rate, rng, length=128):
    """Detrended flux of stars; a few have a planet that passes twice."""
    flux = rng.standard_normal((n, length))
    t = np.arange(length)
    flux += 0.4 * np.sin(2 * np.pi * (t[None] * rng.uniform(0.01, 0.04, (n, 1)) + rng.uniform(size=(n, 1))))
    label = (rng.uniform(size=n) < rate).astype(np.float32)
    for i in np.flatnonzero(label):
        depth, width, period = rng.uniform(2.0, 3.5), rng.integers(5, 10), rng.integers(45, 60)
        first = rng.integers(3, length - period - 12)
        for start in (first, first + period):
            flux[i, start:start + width] -= depth
    return torch.tensor(flux, dtype=torch.float32).unsqueeze(1), torch.tensor(label)


class TransitNet(nn.Module):
    def __init__(self, prior=0.08):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, 7, padding=3), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(16, 32, 5, padding=2), nn.BatchNorm1d(32), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(32, 32, 5, padding=2), nn.BatchNorm1d(32), nn.ReLU(),
        )
        self.score = nn.Linear(64, 1)
        nn.init.constant_(self.score.bias, -math.log((1 - prior) / prior))

    def forward(self, x):
        h = self.features(x)
        return self.score(torch.cat([h.amax(2), h.mean(2)], dim=1)).squeeze(1)


def evaluate(net, criterion, x, y):
    net.eval()
    with torch.no_grad():
        logits = net(x)
    return criterion(logits, y).item(), average_precision_score(y.numpy(), logits.numpy())


def main(epochs=11, batch=64, lr=2e-3):
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    x, y = light_curves(3000, 0.08, rng)
    val, test = light_curves(800, 0.08, rng), light_curves(1500, 0.08, rng)
    print(f"{int(y.sum())} transits among {len(y)} curves")

    net, criterion = TransitNet(), FocalLoss()
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[7, 9], gamma=0.3)
    for epoch in range(epochs):
        net.train()
        losses = []
        for idx in torch.randperm(len(x)).split(batch):
            shift = int(torch.randint(0, 128, (1,)))
            loss = criterion(net(torch.roll(x[idx], shift, dims=2)), y[idx])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        val_loss, ap = evaluate(net, criterion, *val)
        print(f"epoch {epoch + 1:2d}: focal loss {np.mean(losses):.5f}, validation {val_loss:.5f}, average precision {ap:.4f}")

    _, ap = evaluate(net, criterion, *test)
    print(f"RESULT test_average_precision {ap:.4f}")


if __name__ == "__main__":
    main()

"""Digits 0-4 are plentiful, digits 5-9 have few labels: pre-train on the former, then adapt layer by layer."""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def block(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class Net(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.stem = block(1, 16)
        self.body = nn.Sequential(block(16, 32), nn.MaxPool2d(2), block(32, 32))
        self.head = nn.Linear(32 * 16, classes)
        self.frozen = []

    def forward(self, x):
        return self.head(self.body(self.stem(x)).flatten(1))

    def freeze(self, *names):
        self.frozen = list(names)
        for name, module in self.named_children():
            module.requires_grad_(name not in names)

    def train(self, mode=True):
        super().train(mode)
        for name in self.frozen:          # frozen batch norms keep their pre-trained statistics
            getattr(self, name).eval()
        return self


def evaluate(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def fit(net, loader, groups, epochs, warmup=0.1):
    opt = torch.optim.AdamW(groups, weight_decay=1e-4)
    total = epochs * len(loader)
    warm = max(1, int(warmup * total))
    sched = torch.optim.lr_scheduler.LambdaLR(
        opt, lambda s: (s + 1) / warm if s < warm else 0.5 * (1 + math.cos(math.pi * (s - warm) / (total - warm))))
    for epoch in range(epochs):
        net.train()
        run = 0.0
        for xb, yb in loader:
            opt.zero_grad(set_to_none=True)
            loss = F.cross_entropy(net(xb), yb)
            loss.backward()
            opt.step()
            sched.step()
            run += loss.item() / len(loader)
        if epoch % 4 == 0 or epoch == epochs - 1:
            print(f"  epoch {epoch:2d} loss {run:.4f}")


digits = load_digits()
X = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(X))
X, y = X[order], y[order]
src, dst = y < 5, y >= 5
Xs, ys = X[src], y[src]
Xd, yd = X[dst], y[dst] - 5
few = torch.cat([(yd == c).nonzero().squeeze(1)[:20] for c in range(5)])
rest = torch.ones(len(yd), dtype=torch.bool)
rest[few] = False
mean, std = Xs.mean(), Xs.std()
Xs, Xd = (Xs - mean) / std, (Xd - mean) / std

net = Net()
print("pre-training on 0-4")
fit(net, DataLoader(TensorDataset(Xs, ys), batch_size=64, shuffle=True), [{"params": net.parameters(), "lr": 2e-3}], 4)

small = DataLoader(TensorDataset(Xd[few], yd[few]), batch_size=20, shuffle=True)
net.head = nn.Linear(32 * 16, 5)
print("phase 1: head only")
net.freeze("stem", "body")
fit(net, small, [{"params": net.head.parameters(), "lr": 1e-3}], 12)
print("   accuracy on 5-9", round(evaluate(net, Xd[rest], yd[rest]), 4))

print("phase 2: body + head")
net.freeze("stem")
fit(net, small, [{"params": net.body.parameters(), "lr": 1e-4}, {"params": net.head.parameters(), "lr": 5e-4}], 12)
print("   accuracy on 5-9", round(evaluate(net, Xd[rest], yd[rest]), 4))

print("phase 3: everything, gently")
net.freeze()
fit(net, small, [{"params": net.stem.parameters(), "lr": 1e-5}, {"params": net.body.parameters(), "lr": 3e-5},
                 {"params": net.head.parameters(), "lr": 1e-4}], 6)
print("RESULT accuracy", round(evaluate(net, Xd[rest], yd[rest]), 4))

import os
from types import SimpleNamespace

import torch
from torch import nn

hp = SimpleNamespace(lr=0.05, momentum=0.9, clip=1.0, epochs=15, batch=32, seed=int(os.environ.get("SEED", 0)))
torch.manual_seed(hp.seed)
torch.set_num_threads(1)


def make(n):
    x = torch.randn(n, 6)
    y = (x[:, 0] * x[:, 1] > 0).long() + 2 * (x[:, 2] + x[:, 3] ** 2 > 0.7).long()
    return x, y


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(6, 64), nn.Linear(64, 32), nn.Linear(32, 4)

    def forward(self, x):
        return self.fc3(nn.functional.mish(self.fc2(nn.functional.mish(self.fc1(x)))))


x, y = make(2400)
x_val, y_val = make(800)
mlp = MLP()
opt = torch.optim.SGD(mlp.parameters(), lr=hp.lr, momentum=hp.momentum)
for epoch in range(hp.epochs):
    mean = 0.0
    for idx in torch.randperm(len(x)).split(hp.batch):
        loss = nn.functional.cross_entropy(mlp(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(mlp.parameters(), hp.clip)
        opt.step()
        mean += loss.item() * hp.batch / len(x)
    with torch.no_grad():
        acc = (mlp(x_val).argmax(1) == y_val).float().mean().item()
    if epoch % 3 == 2:
        print(f"[{epoch + 1:2d}] loss {mean:.4f} val {acc:.4f}")
print(f"RESULT val_acc {acc:.4f}")

import argparse
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser(description="texture classification")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--lr", type=float, default=5e-2)
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--bs", type=int, default=32)
opt = parser.parse_args()

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


def textures(n, size=16):
    kind = torch.randint(0, 4, (n,))
    grid = torch.arange(size).float()
    phase, freq = torch.rand(n, 1, 1) * 6.28, 1.0 + 0.3 * torch.rand(n, 1, 1)
    yy, xx = grid[None, :, None], grid[None, None, :]
    waves = torch.stack([(freq * yy + phase + 0 * xx).sin(), (freq * xx + phase + 0 * yy).sin(),
                         (freq * (xx + yy) / 1.4 + phase).sin(), (freq * (xx - yy) / 1.4 + phase).sin()], 1)
    img = waves[torch.arange(n), kind] + 0.7 * torch.randn(n, size, size)
    return img.unsqueeze(1), kind


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3)
        self.conv2 = nn.Conv2d(8, 16, 3)
        self.fc = nn.Linear(16 * 2 * 2, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


x_train, y_train = textures(1200)
x_test, y_test = textures(400)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=opt.lr, momentum=opt.momentum)
for epoch in range(1, opt.epochs + 1):
    model.train()
    perm = torch.randperm(len(x_train))
    total = 0.0
    for k in range(0, len(perm), opt.bs):
        idx = perm[k:k + opt.bs]
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        acc = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"Train Epoch: {epoch}\tLoss: {total / len(perm):.6f}\tAccuracy: {100 * acc:.1f}%")
print(f"RESULT test_accuracy {acc:.4f}")

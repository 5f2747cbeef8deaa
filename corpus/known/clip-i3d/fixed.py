import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

FRAMES, SIZE = 6, 12
MOVES = [(0, 1), (0, -1), (1, 0), (-1, 0)]


def make_clips(n):
    labels = rng.integers(0, len(MOVES), n)
    yy, xx = np.mgrid[:SIZE, :SIZE]
    clips = np.zeros((n, 1, FRAMES, SIZE, SIZE), dtype=np.float32)
    for i, k in enumerate(labels):
        blob = np.exp(-((yy - 6) ** 2 + (xx - 6) ** 2) / (2 * 1.3**2))
        row, col = rng.integers(0, SIZE, 2)
        for t in range(FRAMES):
            shift = (row + t * MOVES[k][0], col + t * MOVES[k][1])
            clips[i, 0, t] = np.roll(blob, shift, axis=(0, 1))
    clips += 0.1 * rng.standard_normal(clips.shape).astype(np.float32)
    return torch.tensor(clips * 2 - 1), torch.tensor(labels)


class Unit3D(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, use_bn=True, relu=True):
        super().__init__()
        self.conv = nn.Conv3d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=not use_bn)
        self.bn = nn.BatchNorm3d(out_channels) if use_bn else None
        self.relu = relu

    def forward(self, x):
        x = self.conv(x)
        if self.bn is not None:
            x = self.bn(x)
        return F.relu(x) if self.relu else x


class I3D(nn.Module):
    def __init__(self, num_classes, dropout_keep_prob=1.0):
        super().__init__()
        self.conv3d_1a = Unit3D(1, 8, 3)
        self.pool_2a = nn.MaxPool3d((1, 2, 2))
        self.conv3d_2b = Unit3D(8, 16, 3)
        self.pool_3a = nn.MaxPool3d((2, 2, 2))
        self.avg_pool = nn.AvgPool3d((2, 3, 3), stride=1)
        self.dropout = nn.Dropout(1.0 - dropout_keep_prob)
        self.logits = Unit3D(16, num_classes, 1, use_bn=False, relu=False)

    def forward(self, x):
        x = self.pool_2a(self.conv3d_1a(x))
        x = self.pool_3a(self.conv3d_2b(x))
        x = self.dropout(self.avg_pool(x))
        x = self.logits(x).squeeze(4).squeeze(3)
        return x.mean(2)


train_x, train_y = make_clips(480)
test_x, test_y = make_clips(200)
net = I3D(num_classes=len(MOVES))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)

for epoch in range(10):
    net.train()
    running = 0.0
    for idx in torch.randperm(len(train_x)).split(16):
        optimizer.zero_grad()
        loss = criterion(net(train_x[idx]), train_y[idx])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    net.eval()
    with torch.no_grad():
        acc = (net(test_x).argmax(1) == test_y).float().mean().item()
    print(f"epoch {epoch + 1:2d}: loss {running / len(train_x):.4f}, test accuracy {acc:.3f}")

print(f"RESULT test_accuracy {acc:.4f}")

"""Direction of the grain on pictures of boards.

Unpacking the pictures is slower than the net, so every unpacked batch is used three times before the next one is fetched.
"""
import os
import time
import zlib

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

SIDE = 16
DIRECTIONS = [0, 45, 90, 135]


def board(rng):
    label = int(rng.integers(4))
    angle = np.deg2rad(DIRECTIONS[label] + rng.normal(0, 6))
    yy, xx = np.mgrid[0:SIDE, 0:SIDE]
    across = xx * np.cos(angle) + yy * np.sin(angle)
    rings = np.sin(2 * np.pi * across / rng.uniform(3.5, 7.0) + rng.uniform(0, 2 * np.pi))
    grey = 128 + 40 * rng.uniform(0.6, 1.2) * rings + 22 * rng.normal(size=(SIDE, SIDE)) + rng.normal(0, 8)
    return np.clip(grey, 0, 255).astype(np.uint8), label


class PackedBoards(Dataset):
    def __init__(self, n, rng):
        self.blobs, self.labels = [], []
        for _ in range(n):
            picture, label = board(rng)
            self.blobs.append(zlib.compress(picture.tobytes(), 6))
            self.labels.append(label)

    def __len__(self):
        return len(self.blobs)

    def __getitem__(self, i):
        flat = np.frombuffer(zlib.decompress(self.blobs[i]), dtype=np.uint8)
        picture = flat.reshape(1, SIDE, SIDE).astype(np.float32)
        return torch.from_numpy((picture - 128.0) / 45.0), self.labels[i]


class EchoLoader:
    """Hands out every batch of the loader several times in a row."""

    def __init__(self, loader, times):
        self.loader, self.times = loader, times
        self.waited = 0.0

    def __len__(self):
        return len(self.loader) * self.times

    def __iter__(self):
        source = iter(self.loader)
        while True:
            t = time.perf_counter()
            try:
                batch = next(source)
            except StopIteration:
                return
            self.waited += time.perf_counter() - t
            for _ in range(self.times):
                yield batch


class GrainNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5, stride=2, padding=2)
        self.norm1 = nn.BatchNorm2d(10)
        self.conv2 = nn.Conv2d(10, 20, 3, stride=2, padding=1)
        self.norm2 = nn.BatchNorm2d(20)
        self.fc = nn.Linear(20, 4)

    def forward(self, v):
        v = torch.relu(self.norm1(self.conv1(v)))
        v = torch.relu(self.norm2(self.conv2(v)))
        return self.fc(v.mean(dim=(2, 3)))


def test(model, loader):
    model.eval()
    right = 0
    with torch.no_grad():
        for v, y in loader:
            right += (model(v).argmax(1) == y).sum().item()
    return right / len(loader.dataset)


def main():
    rng = np.random.default_rng(seed)
    train_set, test_set = PackedBoards(1300, rng), PackedBoards(500, rng)
    echo = EchoLoader(DataLoader(train_set, batch_size=50, shuffle=True), times=3)
    test_loader = DataLoader(test_set, batch_size=250)

    model = GrainNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    epochs = 9
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(echo), eta_min=5e-4)
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for v, y in echo:
            loss = nn.functional.cross_entropy(model(v), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        print(f"epoch {epoch}: loss {total / len(echo):.4f} test {test(model, test_loader):.4f} "
              f"waited {echo.waited:.2f} s so far")

    print("RESULT test_accuracy", round(test(model, test_loader), 4))


if __name__ == "__main__":
    main()

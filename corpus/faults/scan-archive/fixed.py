"""Digit classifier trained from an archive of scans and the list of labels that the annotators filled in."""
import io
import os
import zipfile

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset, Subset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


def scanner_export():
    """What the scanner delivers: a zip with one raw file per sheet, and a CSV with a row per sheet."""
    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.target))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, i in enumerate(order):
            archive.writestr(f"scans/sheet_{number}.raw", digits.images[i].astype(np.uint8).tobytes())
    table = pd.DataFrame({"sheet": np.arange(len(order)), "digit": digits.target[order]})
    return buffer.getvalue(), table.to_csv(index=False)


class ScanDataset(Dataset):
    def __init__(self, archive_bytes, label_csv):
        self.archive = zipfile.ZipFile(io.BytesIO(archive_bytes))
        self.files = sorted((n for n in self.archive.namelist() if n.endswith(".raw")), key=lambda n: int(n.split("_")[1][:-4]))
        table = pd.read_csv(io.StringIO(label_csv)).sort_values("sheet")
        self.labels = table["digit"].to_numpy()
        assert len(self.files) == len(self.labels)
        self.images = torch.stack([self._read(name) for name in self.files])
        self.mean, self.std = self.images.mean(), self.images.std()

    def _read(self, name):
        raw = np.frombuffer(self.archive.read(name), dtype=np.uint8).reshape(8, 8)
        return torch.tensor(raw, dtype=torch.float32).unsqueeze(0)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        return (self.images[i] - self.mean) / self.std, int(self.labels[i])


class ScanNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def train(model, loader, optimizer):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total / len(loader.dataset)


@torch.no_grad()
def test(model, loader):
    model.eval()
    return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


def main():
    torch.manual_seed(SEED)
    dataset = ScanDataset(*scanner_export())
    split = torch.randperm(len(dataset)).tolist()
    train_loader = DataLoader(Subset(dataset, split[:1350]), batch_size=32, shuffle=True)
    test_loader = DataLoader(Subset(dataset, split[1350:]), batch_size=128)

    model = ScanNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, 9):
        loss = train(model, train_loader, optimizer)
        acc = test(model, test_loader)
        print(f"Epoch {epoch}  loss: {loss:.4f}  test accuracy: {acc:.4f}")
    print(f"RESULT test_accuracy {acc:.4f}")


if __name__ == "__main__":
    main()

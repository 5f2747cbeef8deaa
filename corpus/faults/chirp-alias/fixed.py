import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)

KINDS = ["up", "down", "steady"]
LENGTH = 128


def synth(kind):
    t = np.linspace(0, 1, LENGTH)
    f0, f1 = np.random.uniform(4, 7), np.random.uniform(11, 15)
    if kind == "down":
        f0, f1 = f1, f0
    elif kind == "steady":
        f1 = f0 = np.random.uniform(5, 14)
    phase = 2 * np.pi * (f0 * t + 0.5 * (f1 - f0) * t ** 2) + np.random.uniform(0, 2 * np.pi)
    return np.sin(phase) + 0.2 * np.random.randn(LENGTH)


class ChirpDataset(Dataset):
    def __init__(self, n):
        self.samples = []
        frame = np.zeros((1, LENGTH), dtype=np.float32)
        for _ in range(n):
            label = np.random.randint(len(KINDS))
            wave = synth(KINDS[label])
            frame[0] = (wave - wave.mean()) / wave.std()
            self.samples.append((torch.from_numpy(frame.copy()), label))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        return self.samples[i]


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, 9, stride=2, padding=4), nn.BatchNorm1d(16), nn.ReLU(),
            nn.Conv1d(16, 32, 5, stride=2, padding=2), nn.BatchNorm1d(32), nn.ReLU(),
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(128, len(KINDS)))

    def forward(self, x):
        return self.head(self.features(x))


def evaluate(model, loader):
    model.eval()
    hits = total = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    return hits / total


train_loader = DataLoader(ChirpDataset(900), batch_size=32, shuffle=True)
test_loader = DataLoader(ChirpDataset(300), batch_size=100)

model = ConvNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(10):
    model.train()
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1:2d}  loss {total / len(train_loader):.4f}  test acc {evaluate(model, test_loader):.3f}")

print("RESULT accuracy", round(evaluate(model, test_loader), 4))

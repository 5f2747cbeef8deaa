import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


# 16 x 16 scans: no finding, a faint nodule, a dense nodule
def make_scans(n):
    kind = rng.integers(0, 3, n)
    yy, xx = np.mgrid[0:16, 0:16]
    scans = rng.normal(0.3, 0.08, (n, 16, 16))
    for i, k in enumerate(kind):
        cy, cx = rng.uniform(4, 12, 2)
        blob = np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / (2 * 1.8 ** 2))
        scans[i] += [0.0, 0.35, 0.9][k] * blob
    return torch.tensor(scans[:, None], dtype=torch.float32), torch.tensor(kind)


class ScanNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(16 * 4 * 4, 3))

    def forward(self, x):
        return self.head(self.features(x))


def train(net, loader, epochs):
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    net.train()
    for epoch in range(epochs):
        hits, total = 0, 0.0
        for x, y in loader:
            optimizer.zero_grad()
            out = net(x)
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
            hits += (out.argmax(1) == y).sum().item()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}, training accuracy {hits / len(loader.dataset):.4f}")


def predict(net, scan):
    with torch.no_grad():
        return net(scan.unsqueeze(0)).argmax(1).item()


x_train, y_train = make_scans(1200)
x_new, y_new = make_scans(400)
net = ScanNet()
train(net, DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True), epochs=10)

answers = torch.tensor([predict(net, scan) for scan in x_new])
print("answers per kind", torch.bincount(answers, minlength=3).tolist())
print(f"RESULT accuracy {(answers == y_new).float().mean().item():.4f}")

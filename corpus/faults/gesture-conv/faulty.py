import math
import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

CHANNELS, STEPS, GESTURES = 6, 48, 5


def record(n):
    """Windows of a wrist sensor: a short gesture somewhere in ordinary motion."""
    g = torch.Generator().manual_seed(1234)
    shapes = torch.randn(GESTURES, 9, CHANNELS, generator=g)
    windows = 0.7 * torch.randn(n, STEPS, CHANNELS)
    phase = 2 * math.pi * torch.rand(n, 1, CHANNELS)
    windows += 0.3 * torch.sin(torch.arange(STEPS).view(1, -1, 1) * 0.3 + phase)
    labels = torch.randint(0, GESTURES, (n,))
    starts = torch.randint(0, STEPS - 9, (n,))
    for k in range(n):
        windows[k, starts[k]:starts[k] + 9] += shapes[labels[k]]
    return windows, labels


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(CHANNELS, 24, kernel_size=5, padding=2)
        self.bn1 = nn.BatchNorm1d(24)
        self.conv2 = nn.Conv1d(24, 32, kernel_size=5, padding=2)
        self.bn2 = nn.BatchNorm1d(32)
        self.pool = nn.AdaptiveMaxPool1d(1)
        self.fc = nn.Linear(32, GESTURES)

    def forward(self, x):
        x = x.reshape(x.size(0), x.size(2), x.size(1))
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        x = self.pool(x).squeeze(-1)
        return self.fc(x)


x_train, y_train = record(1500)
x_test, y_test = record(500)
mu, sd = x_train.mean((0, 1)), x_train.std((0, 1))
x_train, x_test = (x_train - mu) / sd, (x_test - mu) / sd
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=50, shuffle=True)

net = GestureNet()
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    net.train()
    running, hits = 0.0, 0
    for windows, labels in loader:
        optimizer.zero_grad()
        scores = net(windows)
        loss = criterion(scores, labels)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(labels)
        hits += (scores.argmax(1) == labels).sum().item()
    scheduler.step()
    print(f"epoch {epoch + 1}: loss {running / len(x_train):.4f}, train acc {hits / len(x_train):.3f}")

net.eval()
with torch.no_grad():
    accuracy = (net(x_test).argmax(1) == y_test).float().mean().item()
print(f"RESULT test_accuracy {accuracy:.4f}")

import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

STEPS, CHANNELS, CLASSES = 24, 3, 4


# accelerometer windows: rest, walk, run, turn
def windows(n):
    kind = rng.integers(0, CLASSES, n)
    t = np.arange(STEPS)[None, :, None]
    phase = rng.uniform(0, 2 * np.pi, (n, 1, CHANNELS))
    freq = np.array([0.0, 0.35, 0.9, 0.12])[kind][:, None, None]
    size = np.array([0.0, 0.8, 1.2, 1.0])[kind][:, None, None]
    x = size * np.sin(freq * t + phase) + rng.normal(0, 0.25, (n, STEPS, CHANNELS))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(kind)


class MotionNet(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.hidden = hidden
        self.lstm = nn.LSTM(CHANNELS, hidden)
        self.fc = nn.Linear(hidden, CLASSES)

    def forward(self, x):
        out, _ = self.lstm(x.transpose(0, 1))
        out = out.transpose(0, 1)
        return self.fc(out.mean(dim=1))


train_loader = DataLoader(TensorDataset(*windows(1200)), batch_size=60, shuffle=True)
x_test, y_test = windows(480)

model = MotionNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(12):
    model.train()
    losses = []
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        pred = torch.cat([model(part).argmax(1) for part in x_test.split(60)])
    acc = (pred == y_test).float().mean().item()
    print(f"epoch {epoch + 1:2d} loss {np.mean(losses):.4f} accuracy {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")

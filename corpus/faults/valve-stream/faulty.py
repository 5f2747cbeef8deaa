import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


def recordings(n, length=48):
    """Vibration traces of a valve; the wear level shows in the amplitude and in a hum."""
    wear = torch.randint(0, 4, (n,))
    t = torch.arange(length) / length
    phase = torch.rand(n, 2) * 6.28
    hum = torch.sin(6.28 * 5 * t[None] + phase[:, :1]) * (0.5 + 0.6 * wear[:, None])
    swing = 0.4 * torch.sin(6.28 * 11 * t[None] + phase[:, 1:])
    trace = hum + swing + 0.35 * torch.randn(n, length)
    return trace.unsqueeze(1), wear


class WearNet(nn.Module):
    def __init__(self, width=16, classes=4):
        super().__init__()
        self.jitter = 0.1
        self.conv = nn.Sequential(
            nn.Conv1d(1, width, 7, padding=3), nn.BatchNorm1d(width), nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(width, width, 5, padding=2), nn.BatchNorm1d(width), nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
        )
        self.fc = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(width, classes))

    def train(self, mode=True):
        super().train()
        self.jitter = 0.1 if mode else 0.0
        return self

    def forward(self, x):
        if self.jitter:
            x = x + self.jitter * torch.randn_like(x)
        return self.fc(self.conv(x))


class Monitor:
    """Feeds traces one at a time, as the plant does."""

    def __init__(self, model):
        self.model = model.eval()

    @torch.no_grad()
    def replay(self, traces, wear):
        hits = 0
        for trace, level in zip(traces, wear):
            hits += int(self.model(trace.unsqueeze(0)).argmax(1) == level)
        return hits / len(wear)


train_x, train_y = recordings(640)
live_x, live_y = recordings(250)
mean, std = train_x.mean(), train_x.std()
train_x, live_x = (train_x - mean) / std, (live_x - mean) / std

model = WearNet()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=32, shuffle=True)
for epoch in range(12):
    model.train()
    losses, good = [], 0
    for x, y in loader:
        out = model(x)
        loss = nn.functional.cross_entropy(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        good += (out.argmax(1) == y).sum().item()
    print(f"{epoch + 1:2d} loss {sum(losses) / len(losses):.4f} train acc {good / len(train_x):.4f}")

print(f"RESULT live_accuracy {Monitor(model).replay(live_x, live_y):.4f}")

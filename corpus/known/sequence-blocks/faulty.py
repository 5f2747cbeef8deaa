import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

LENGTH = 48
CYCLES = np.array([2, 4, 7, 11])


def signals(n):
    label = rng.integers(0, len(CYCLES), n)
    t = np.arange(LENGTH)[None, :] / LENGTH
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    x = np.sin(2 * np.pi * CYCLES[label][:, None] * t + phase) + 0.3 * rng.standard_normal((n, LENGTH))
    return torch.tensor(x[..., None], dtype=torch.float32), torch.from_numpy(label)


class ConvLayer(nn.Module):
    """Long-ish convolution over time and a mix of the channels, (batch, time, d)."""

    def __init__(self, d, kernel=9):
        super().__init__()
        self.conv = nn.Conv1d(d, d, kernel, padding=kernel // 2)
        self.act = nn.GELU()
        self.out = nn.Linear(d, d)

    def forward(self, x):
        y = self.conv(x.transpose(1, 2)).transpose(1, 2)
        return self.out(self.act(y))


class SequenceBlock(nn.Module):
    def __init__(self, d, residual=False, prenorm=True, dropout=0.0):
        super().__init__()
        self.layer = ConvLayer(d)
        self.norm = nn.LayerNorm(d)
        self.residual, self.prenorm = residual, prenorm
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        y = self.norm(x) if self.prenorm else x
        y = self.drop(self.layer(y))
        if self.residual:
            y = x + y
        if not self.prenorm:
            y = self.norm(y)
        return x


class SequenceModel(nn.Module):
    def __init__(self, d=16, n_layers=2, n_classes=4, **block):
        super().__init__()
        self.encoder = nn.Linear(1, d)
        self.blocks = nn.ModuleList([SequenceBlock(d, **block) for _ in range(n_layers)])
        self.decoder = nn.Linear(d, n_classes)

    def forward(self, x):
        x = self.encoder(x)
        for block in self.blocks:
            x = block(x)
        return self.decoder(x.mean(dim=1))


train_x, train_y = signals(1200)
test_x, test_y = signals(400)
model = SequenceModel(residual=False, prenorm=True)
print("parameters:", sum(p.numel() for p in model.parameters()))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

for epoch in range(12):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(train_x)).split(32):
        loss = criterion(model(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        acc = (model(test_x).argmax(1) == test_y).float().mean().item()
    print(f"epoch {epoch + 1:2d} loss {total / len(train_x):.4f} test accuracy {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")

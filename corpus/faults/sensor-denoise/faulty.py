"""Denoise one-dimensional sensor traces with a stack of convolutional blocks."""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

LENGTH = 48
CHANNELS = 16
N_BLOCKS = 12
NOISE = 0.5


def traces(n):
    """Clean traces: two tones, a step and a drift, scaled to unit variance over the set."""
    t = torch.linspace(0, 1, LENGTH)
    clean = torch.zeros(n, LENGTH)
    for _ in range(2):
        freq = 1 + 4 * torch.rand(n, 1)
        phase = 2 * math.pi * torch.rand(n, 1)
        clean += (0.4 + 0.6 * torch.rand(n, 1)) * torch.sin(2 * math.pi * freq * t + phase)
    where = torch.rand(n, 1)
    clean += torch.randn(n, 1) * (t > where).float()
    clean += torch.randn(n, 1) * (t - 0.5)
    return clean.unsqueeze(1)


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv1d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv1d(channels, channels, 3, padding=1)
        self.act = nn.ReLU()

    def forward(self, x):
        h = self.act(self.conv1(x))
        h = self.conv2(h)
        return self.act(h)


class Denoiser(nn.Module):
    def __init__(self, channels=CHANNELS, n_blocks=N_BLOCKS):
        super().__init__()
        self.head = nn.Conv1d(1, channels, 5, padding=2)
        self.body = nn.Sequential(*[Block(channels) for _ in range(n_blocks)])
        self.tail = nn.Conv1d(channels, 1, 3, padding=1)

    def forward(self, x):
        return self.tail(self.body(F.relu(self.head(x))))


class Loader:
    """Shuffled batches of (noisy, clean); the noise is drawn afresh in every epoch."""

    def __init__(self, clean, batch_size):
        self.clean, self.batch_size = clean, batch_size

    def __len__(self):
        return math.ceil(len(self.clean) / self.batch_size)

    def __iter__(self):
        for idx in torch.randperm(len(self.clean)).split(self.batch_size):
            clean = self.clean[idx]
            yield clean + NOISE * torch.randn_like(clean), clean


clean = traces(1000)
scale = clean[:800].std()
clean = clean / scale
train_loader = Loader(clean[:800], 32)
test_clean = clean[800:]
test_noisy = test_clean + NOISE * torch.randn_like(test_clean)

model = Denoiser()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def gain_db():
    model.eval()
    with torch.no_grad():
        restored = model(test_noisy)
    before = (test_noisy - test_clean).pow(2).mean()
    after = (restored - test_clean).pow(2).mean()
    return (10 * torch.log10(before / after)).item(), after.item()


for epoch in range(9):
    model.train()
    total = 0.0
    for noisy, target in train_loader:
        loss = F.mse_loss(model(noisy), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    gain, mse = gain_db()
    print(f"epoch {epoch + 1:2d}: train mse {total / len(train_loader):.4f}  test mse {mse:.4f}  gain {gain:+.2f} dB")

print(f"RESULT gain_db {gain:.3f}")

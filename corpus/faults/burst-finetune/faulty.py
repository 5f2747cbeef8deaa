"""Type of a short burst in a drifting sensor trace. The encoder is first trained to rebuild
unlabelled traces, then a classifier is trained on top, the encoder joining in after a few epochs."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

SAMPLES = 64
BURSTS = [8, 12, 16, 22]
PRETRAIN_EPOCHS, WARMUP_EPOCHS, EPOCHS = 6, 3, 16


def traces(n, rng):
    t = np.arange(SAMPLES) / SAMPLES
    kind = rng.integers(0, len(BURSTS), n)
    x = 0.1 * rng.standard_normal((n, SAMPLES))
    for _ in range(2):
        amplitude, cycles = rng.uniform(0.5, 1.5, (n, 1)), rng.uniform(0.5, 3.0, (n, 1))
        x += amplitude * np.sin(2 * np.pi * (cycles * t + rng.random((n, 1))))
    centre = rng.uniform(0.25, 0.75, (n, 1))
    envelope = np.exp(-0.5 * ((t - centre) / 0.15) ** 2)
    carrier = np.sin(2 * np.pi * (np.array(BURSTS)[kind][:, None] * t + rng.random((n, 1))))
    x += 0.8 * envelope * carrier
    return torch.tensor(x, dtype=torch.float32).unsqueeze(1), torch.tensor(kind)


class Encoder(nn.Module):
    def __init__(self, code=8):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 16, 9, stride=2, padding=4), nn.ReLU(),
            nn.Conv1d(16, 16, 7, stride=2, padding=3), nn.ReLU(),
            nn.AvgPool1d(2), nn.Flatten(),
        )
        self.project = nn.Linear(16 * SAMPLES // 8, code)

    def forward(self, x):
        return self.project(self.conv(x))


def batches(n, size=50):
    return torch.randperm(n).split(size)


def pretrain(encoder, x):
    decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, SAMPLES))
    opt = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
    for epoch in range(PRETRAIN_EPOCHS):
        total = 0.0
        for rows in batches(len(x)):
            loss = nn.functional.mse_loss(decoder(encoder(x[rows])), x[rows].squeeze(1))
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(rows)
        print(f"pretrain {epoch + 1}: reconstruction {total / len(x):.4f}")


def classify(encoder, head, train, test):
    x, y = train
    opt = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=2e-3)
    for p in encoder.parameters():
        p.requires_grad = False
    for epoch in range(EPOCHS):
        if epoch == WARMUP_EPOCHS:
            encoder.requires_grad = True
        encoder.train(), head.train()
        total = 0.0
        for rows in batches(len(x)):
            loss = nn.functional.cross_entropy(head(encoder(x[rows])), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(rows)
        encoder.eval(), head.eval()
        with torch.no_grad():
            accuracy = (head(encoder(test[0])).argmax(1) == test[1]).float().mean().item()
        print(f"epoch {epoch + 1:2d}: loss {total / len(x):.4f}  test accuracy {accuracy:.4f}")
    return accuracy


rng = np.random.default_rng(SEED)
unlabelled, _ = traces(2000, rng)
train, test = traces(2000, rng), traces(500, rng)
spread = unlabelled.std()
train, test = (train[0] / spread, train[1]), (test[0] / spread, test[1])

encoder = Encoder()
pretrain(encoder, unlabelled / spread)
head = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, len(BURSTS)))
print(f"RESULT test_accuracy {classify(encoder, head, train, test):.4f}")

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

FRAMES, BANDS = 24, 3


def clips(n):
    """Feature tracks of short clips: all bands move with the clip's tempo, each with its own phase."""
    t = np.arange(FRAMES)[None, :, None] / FRAMES
    tempo = rng.uniform(0.5, 2.0, (n, 1, 1))
    phase = rng.uniform(0, 2 * np.pi, (n, 1, BANDS))
    x = np.sin(2 * np.pi * tempo * t + phase) + 0.05 * rng.standard_normal((n, FRAMES, BANDS))
    return torch.tensor(x, dtype=torch.float32)


def span_mask(n):
    """True on the frames that are cut out of the condition and have to be filled in."""
    length = torch.randint(6, 13, (n, 1))
    start = (torch.rand(n, 1) * (FRAMES - length + 1)).long()
    pos = torch.arange(FRAMES)[None, :]
    return (pos >= start) & (pos < start + length)


class Infiller(nn.Module):
    def __init__(self, hidden=192):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(FRAMES * (BANDS + 1), hidden), nn.GELU(),
            nn.Linear(hidden, hidden), nn.GELU(),
            nn.Linear(hidden, FRAMES * BANDS),
        )

    def predict(self, x, mask):
        cond = x.masked_fill(mask[..., None], 0.0)
        inp = torch.cat([cond, mask[..., None].float()], dim=-1)
        return self.net(inp.flatten(1)).view(-1, FRAMES, BANDS)

    def forward(self, x, mask):
        pred = self.predict(x, mask)
        loss = F.mse_loss(pred, x, reduction="none").mean(dim=-1)
        loss = loss.masked_fill(~mask, 0.0)
        num = loss.sum(dim=-1)
        den = mask.sum(dim=-1).clamp(min=1e-5)
        return (num / den).mean()


train_clips, test_clips = clips(4000), clips(500)
model = Infiller()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(25):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(train_clips)).split(64):
        loss = model(train_clips[idx], span_mask(len(idx)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 3 == 0:
        print(f"epoch {epoch + 1:2d} loss {total / len(train_clips):.4f}")

model.eval()
with torch.no_grad():
    mask = span_mask(len(test_clips))
    filled = model.predict(test_clips, mask)
    error = (filled - test_clips)[mask].pow(2).mean() / test_clips[mask].var()
print(f"RESULT infilling_error {error.item():.4f}")

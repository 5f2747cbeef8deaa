"""Read a catalogue entry (six numbers) off a small picture of a star."""
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
SIZE = 16


def pictures(n):
    a = 0.5 + 0.5 * torch.rand(n)
    cx = 4 + 8 * torch.rand(n)
    cy = 4 + 8 * torch.rand(n)
    s = 1.0 + 1.5 * torch.rand(n)
    grid = torch.arange(SIZE, dtype=torch.float32)
    dx = (grid[None, None, :] - cx[:, None, None]) ** 2
    dy = (grid[None, :, None] - cy[:, None, None]) ** 2
    img = a[:, None, None] * torch.exp(-(dx + dy) / (2 * s[:, None, None] ** 2))
    img = img + 0.02 * torch.randn(n, SIZE, SIZE)
    entry = torch.stack([12000 * a, cx / 8, cy / 8, 2000 * s ** 2, s / 2, a], 1)
    return img.unsqueeze(1), entry


x_train, y_train = pictures(2000)
x_test, y_test = pictures(500)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),
    nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 16, 64), nn.ReLU(),
    nn.Linear(64, 6),
)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
mean, std = y_train.mean(0), y_train.std(0)
labels = (y_train - mean) / std

for epoch in range(20):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(50):
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), labels[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print(f"epoch {epoch + 1}: train loss {total / len(x_train):.4f}")

model.eval()
with torch.no_grad():
    pred = model(x_test) * std + mean
tolerance = 0.1 * (y_test.max(0).values - y_test.min(0).values)
hits = ((pred - y_test).abs() < tolerance).float()
print("within 10 % of the range, by entry:", [round(v, 3) for v in hits.mean(0).tolist()])
print(f"RESULT share_within_tolerance {hits.mean().item():.4f}")

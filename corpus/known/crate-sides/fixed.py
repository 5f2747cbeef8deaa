import os
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

SIZE = 16
AUG = {"noise": 0.05, "brightness": 0.2, "shift": 1, "fliplr": 0.0}


def photos(n):
    """Crates seen from the front; the lock sits at the left end (class 0) or at the right end (class 1)."""
    x = 0.1 * rng.random((n, 1, SIZE, SIZE))
    y = rng.integers(0, 2, n)
    for i in range(n):
        h, w = rng.integers(5, 8), rng.integers(7, 10)
        top, left = rng.integers(1, SIZE - h), rng.integers(1, SIZE - w)
        x[i, 0, top:top + h, left:left + w] += 0.5
        row = rng.integers(top, top + h - 1)
        col = left if y[i] == 0 else left + w - 2
        x[i, 0, row:row + 2, col:col + 2] += 0.5
    return torch.tensor(x, dtype=torch.float32), torch.from_numpy(y)


def augment(x):
    x = x * (1 + AUG["brightness"] * (torch.rand(len(x), 1, 1, 1) - 0.5)) + AUG["noise"] * torch.randn_like(x)
    dy, dx = torch.randint(-AUG["shift"], AUG["shift"] + 1, (2,)).tolist()
    x = torch.roll(x, (dy, dx), dims=(2, 3))
    mirrored = torch.rand(len(x)) < AUG["fliplr"]
    return torch.where(mirrored[:, None, None, None], x.flip(3), x)


train_x, train_y = photos(1000)
val_x, val_y = photos(400)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=32, shuffle=True)

model = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(24 * 16, 48), nn.ReLU(), nn.Linear(48, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(15):
    model.train()
    losses = []
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(augment(x)), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        scores = model(val_x)
        val_loss = criterion(scores, val_y).item()
        val_acc = (scores.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch + 1:2d}: loss {np.mean(losses):.4f} val_loss {val_loss:.4f} val_acc {val_acc:.4f}")

print(f"RESULT val_accuracy {val_acc:.4f}")

import os

import numpy as np
import torch
import torch.nn as nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


# five garments as 12 x 12 silhouettes, shifted and noisy
def garments(n):
    kinds = rng.integers(0, 5, n)
    pics = np.zeros((n, 12, 12))
    for i, k in enumerate(kinds):
        p = np.zeros((12, 12))
        if k == 0:      # shirt
            p[3:9, 4:8] = 1; p[3:5, 2:10] = 1
        elif k == 1:    # trousers
            p[2:10, 4:5] = 1; p[2:10, 7:8] = 1; p[2:4, 4:8] = 1
        elif k == 2:    # dress
            for r in range(2, 10):
                p[r, 6 - r // 3:6 + r // 3 + 1] = 1
        elif k == 3:    # shoe
            p[7:9, 2:10] = 1; p[5:7, 2:4] = 1
        else:           # bag
            p[5:10, 3:9] = 1; p[3, 4:8] = 1; p[4, 4] = 1; p[4, 7] = 1
        p = np.roll(p, (rng.integers(-1, 2), rng.integers(-1, 2)), axis=(0, 1))
        pics[i] = p * rng.uniform(0.5, 1.0) + rng.normal(0, 0.2, (12, 12))
    return torch.tensor(pics[:, None], dtype=torch.float32), torch.tensor(kinds)


x_train, y_train = garments(1000)
x_val, y_val = garments(300)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(16 * 9, 32), nn.ReLU(), nn.Linear(32, 5),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(optimizer, mode="max", factor=0.1, patience=2)

for epoch in range(30):
    model.train()
    train_loss = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(loader)
    model.eval()
    with torch.no_grad():
        val_acc = (model(x_val).argmax(1) == y_val).float().mean().item()
    scheduler.step(val_acc)
    if (epoch + 1) % 3 == 0:
        print(f"epoch {epoch + 1:2d}: train loss {train_loss:.4f}, val accuracy {val_acc:.4f}")

print(f"RESULT val_accuracy {val_acc:.4f}")

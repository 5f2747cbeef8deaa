import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

SIZE = 24


def make_scans(n):
    scans = rng.normal(0.0, 1.0, (n, 1, SIZE, SIZE))
    masks = np.zeros_like(scans)
    for i in range(n):
        r, c = rng.integers(2, SIZE - 4, 2)
        masks[i, 0, r:r + 2, c:c + 2] = 1
    scans = scans + 1.4 * masks
    return torch.tensor(scans, dtype=torch.float32), torch.tensor(masks, dtype=torch.float32)


class SmallUNet(nn.Module):
    def __init__(self, ch=8):
        super().__init__()
        self.enc = nn.Sequential(nn.Conv2d(1, ch, 3, padding=1), nn.ReLU())
        self.mid = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(ch, ch, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2))
        self.dec = nn.Sequential(nn.Conv2d(2 * ch, ch, 3, padding=1), nn.ReLU(), nn.Conv2d(ch, 1, 1))

    def forward(self, x):
        e = self.enc(x)
        return self.dec(torch.cat([e, self.mid(e)], dim=1))


train_x, train_y = make_scans(480)
val_x, val_y = make_scans(160)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=16, shuffle=True)

model = SmallUNet()
criterion = nn.BCEWithLogitsLoss(pos_weight=(1 - train_y).sum() / train_y.sum())
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(12):
    model.train()
    epoch_loss = 0.0
    for scan, mask in loader:
        optimizer.zero_grad()
        loss = criterion(model(scan), mask)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(scan)
    model.eval()
    with torch.no_grad():
        pred = (model(val_x) > 0).float()
        pixel_acc = (pred == val_y).float().mean().item()
        sensitivity = (pred * val_y).sum().item() / val_y.sum().item()
        specificity = ((1 - pred) * (1 - val_y)).sum().item() / (1 - val_y).sum().item()
    print(f"epoch {epoch + 1:2d} loss {epoch_loss / len(train_x):.4f} pixel accuracy {pixel_acc:.4f} sensitivity {sensitivity:.3f}")

print(f"RESULT balanced_accuracy {(sensitivity + specificity) / 2:.4f}")

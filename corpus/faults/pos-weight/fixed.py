import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class LesionDataset(Dataset):
    """24x24 slices with textured background; a few bright, blurred spots are lesions."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        yy, xx = np.mgrid[:24, :24]
        self.samples = []
        for _ in range(n):
            image = 0.5 * np.sin(xx / rng.uniform(2, 5) + rng.uniform(0, 6)) + 0.5 * rng.standard_normal((24, 24))
            mask = np.zeros((24, 24))
            for _ in range(rng.integers(1, 3)):
                cy, cx, r = rng.uniform(3, 21), rng.uniform(3, 21), rng.uniform(1.5, 2.6)
                d2 = (yy - cy) ** 2 + (xx - cx) ** 2
                image += 1.6 * np.exp(-d2 / (2 * r ** 2))
                mask[d2 <= r ** 2] = 1
            image = (image - image.mean()) / image.std()
            self.samples.append((image.astype(np.float32)[None], mask.astype(np.float32)[None]))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        return self.samples[i]


def double_conv(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
        nn.Conv2d(cout, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
    )


class TinyUNet(nn.Module):
    def __init__(self, base=8):
        super().__init__()
        self.down1 = double_conv(1, base)
        self.down2 = double_conv(base, 2 * base)
        self.up = nn.ConvTranspose2d(2 * base, base, 2, stride=2)
        self.up1 = double_conv(2 * base, base)
        self.head = nn.Conv2d(base, 1, 1)

    def forward(self, x):
        d1 = self.down1(x)
        d2 = self.down2(F.max_pool2d(d1, 2))
        return self.head(self.up1(torch.cat([d1, self.up(d2)], dim=1)))


def estimate_pos_weight(dataset):
    masks = np.stack([m for _, m in dataset])
    n_pos, n_neg = masks.sum(), (1 - masks).sum()
    return torch.tensor((n_neg / n_pos) ** 0.5, dtype=torch.float32)


@torch.no_grad()
def dice_score(model, loader):
    model.eval()
    inter = total = 0.0
    for image, mask in loader:
        pred = (torch.sigmoid(model(image)) > 0.5).float()
        inter += 2 * (pred * mask).sum().item()
        total += pred.sum().item() + mask.sum().item()
    return inter / max(total, 1.0)


train_ds, val_ds = LesionDataset(240, SEED), LesionDataset(80, SEED + 1000)
train_loader = DataLoader(train_ds, batch_size=16, shuffle=True)
val_loader = DataLoader(val_ds, batch_size=40)

model = TinyUNet()
criterion = nn.BCEWithLogitsLoss(pos_weight=estimate_pos_weight(train_ds))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(8):
    model.train()
    epoch_loss, pixel_acc = 0.0, 0.0
    for image, mask in train_loader:
        logits = model(image)
        loss = criterion(logits, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / len(train_loader)
        pixel_acc += ((logits > 0) == (mask > 0.5)).float().mean().item() / len(train_loader)
    print(f"epoch {epoch + 1}: loss {epoch_loss:.4f} pixel acc {pixel_acc:.4f} val dice {dice_score(model, val_loader):.4f}")

print(f"RESULT dice {dice_score(model, val_loader):.4f}")

import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import Dataset, DataLoader

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
np.random.seed(int(os.environ.get("SEED", 0)))


class CellDataset(Dataset):
    """Bright blobs (cells) on a textured background, with a mask."""

    def __init__(self, n, size=32):
        yy, xx = np.mgrid[:size, :size]
        self.samples = []
        for _ in range(n):
            img = 0.35 * np.random.randn(size, size)
            img += 0.5 * np.sin(xx / np.random.uniform(2, 5) + np.random.rand() * 6)
            mask = np.zeros((size, size), bool)
            for _ in range(np.random.randint(1, 4)):
                cy, cx = np.random.randint(5, size - 5, 2)
                r = np.random.uniform(3, 5.5)
                m = (yy - cy) ** 2 + (xx - cx) ** 2 < r * r
                mask |= m
            img[mask] += 0.9
            self.samples.append((torch.tensor(img[None], dtype=torch.float32), torch.tensor(mask[None], dtype=torch.float32)))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        return self.samples[i]


def double_conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(True),
                         nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(True))


class UNet(nn.Module):
    def __init__(self, base=8, n_classes=1):
        super().__init__()
        self.down1, self.down2 = double_conv(1, base), double_conv(base, 2 * base)
        self.bottom = double_conv(2 * base, 4 * base)
        self.up2, self.up1 = double_conv(6 * base, 2 * base), double_conv(3 * base, base)
        self.outc = nn.Conv2d(base, n_classes, 1)

    def forward(self, x):
        d1 = self.down1(x)
        d2 = self.down2(F.max_pool2d(d1, 2))
        b = self.bottom(F.max_pool2d(d2, 2))
        u = self.up2(torch.cat([F.interpolate(b, scale_factor=2), d2], 1))
        u = self.up1(torch.cat([F.interpolate(u, scale_factor=2), d1], 1))
        return self.outc(u)


def dice_coeff(pred, target, smooth=1.0):
    pred, target = pred.flatten(1), target.flatten(1)
    inter = (pred * target).sum(1)
    return ((2 * inter + smooth) / (pred.sum(1) + target.sum(1) + smooth)).mean()


class Trainer:
    def __init__(self, net, train_loader, val_loader, lr=1e-2):
        self.net, self.train_loader, self.val_loader = net, train_loader, val_loader
        self.optimizer = torch.optim.Adam(net.parameters(), lr=lr)

    def criterion(self, masks_pred, true_masks):
        return 1 - dice_coeff(masks_pred, true_masks)

    def train_epoch(self):
        self.net.train()
        running = 0
        for img, mask in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.net(img), mask)
            loss.backward()
            self.optimizer.step()
            running += loss.item()
        return running / len(self.train_loader)

    @torch.no_grad()
    def evaluate(self):
        self.net.eval()
        inter = union = 0
        for img, mask in self.val_loader:
            p = torch.sigmoid(self.net(img)) > 0.5
            m = mask > 0.5
            inter += (p & m).sum().item()
            union += (p | m).sum().item()
        return inter / max(union, 1)


trainer = Trainer(UNet(), DataLoader(CellDataset(240), batch_size=16, shuffle=True), DataLoader(CellDataset(60), batch_size=30))
for epoch in range(8):
    l = trainer.train_epoch()
    print(f"Epoch {epoch}: loss {l:.4f}, IoU {trainer.evaluate():.4f}")
print(f"RESULT iou {trainer.evaluate():.4f}")

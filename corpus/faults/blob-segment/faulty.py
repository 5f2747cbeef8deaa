import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class Cells(Dataset):
    """Bright discs of random place and size on an uneven background."""

    def __init__(self, n, size=24):
        yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        self.images, self.masks = [], []
        for _ in range(n):
            mask = torch.zeros(size, size)
            for _ in range(int(torch.randint(2, 4, (1,)))):
                cy, cx = torch.randint(4, size - 4, (2,))
                r = torch.randint(3, 6, (1,))
                mask[((yy - cy) ** 2 + (xx - cx) ** 2) <= r ** 2] = 1.0
            shade = torch.randn(1) * (xx / size - 0.5) + torch.randn(1) * (yy / size - 0.5)
            img = 1.2 * mask + 0.5 * shade + 0.5 * torch.randn(size, size)
            self.images.append((img - img.mean()) / img.std())
            self.masks.append(mask)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i].unsqueeze(0), self.masks[i].unsqueeze(0)


def conv_block(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.Conv2d(o, o, 3, padding=1), nn.ReLU())


class MiniUNet(nn.Module):
    def __init__(self, base=8):
        super().__init__()
        self.down1 = conv_block(1, base)
        self.down2 = conv_block(base, 2 * base)
        self.up = nn.ConvTranspose2d(2 * base, base, 2, stride=2)
        self.merge = conv_block(2 * base, base)
        self.out = nn.Conv2d(base, 1, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        return self.out(self.merge(torch.cat([a, self.up(b)], dim=1)))


def iou(model, loader):
    model.eval()
    inter, union = 0.0, 0.0
    with torch.no_grad():
        for img, mask in loader:
            pred = (model(img) > 0).float()
            inter += (pred * mask).sum().item()
            union += ((pred + mask) > 0).float().sum().item()
    return inter / max(union, 1.0)


train_loader = DataLoader(Cells(240), batch_size=16, shuffle=True)
test_loader = DataLoader(Cells(80), batch_size=40)
model = MiniUNet()
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adadelta(model.parameters(), lr=1e-3, rho=0.9)

for epoch in range(8):
    model.train()
    total = 0.0
    for img, mask in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(img), mask)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"Epoch {epoch + 1}/8 - bce {total / len(train_loader):.4f} - test IoU {iou(model, test_loader):.4f}")

print(f"RESULT test_iou {iou(model, test_loader):.4f}")

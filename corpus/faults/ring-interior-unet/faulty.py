"""Fill the inside of cell walls: outlines in, interior mask out."""
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
SIZE = 20


def draw(n, rng):
    yy, xx = np.mgrid[:SIZE, :SIZE]
    images = np.zeros((n, 1, SIZE, SIZE), np.float32)
    masks = np.zeros((n, 1, SIZE, SIZE), np.float32)
    for i in range(n):
        cy, cx, r = rng.uniform(6, 14), rng.uniform(6, 14), rng.uniform(3.5, 6)
        dist = np.sqrt((yy - cy) ** 2 + (xx - cx) ** 2)
        images[i, 0][np.abs(dist - r) < 0.8] = 1.0
        masks[i, 0][dist <= r - 0.8] = 1.0
        row = rng.integers(0, SIZE)                    # a scratch, horizontal or vertical
        if rng.random() < 0.5:
            images[i, 0, row, :] = 1.0
        else:
            images[i, 0, :, row] = 1.0
    images += rng.normal(0, 0.15, images.shape).astype(np.float32)
    images = (images - images.mean()) / images.std()
    return torch.from_numpy(images), torch.from_numpy(masks)


def block(c_in, c_out, n=3):
    layers = []
    for k in range(n):
        layers += [nn.Conv2d(c_in if k == 0 else c_out, c_out, 3, padding=1, bias=False),
                   nn.BatchNorm2d(c_out), nn.ReLU()]
    return nn.Sequential(*layers)


class SmallUNet(nn.Module):
    def __init__(self, f=8):
        super().__init__()
        self.down1, self.down2, self.bottom = block(1, f), block(f, 2 * f), block(2 * f, 4 * f)
        self.up2, self.up1 = block(4 * f + 2 * f, 2 * f), block(2 * f + f, f)
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2)
        self.head = nn.Conv2d(f, 1, 1)

    def forward(self, x):
        d1 = self.down1(x)
        d2 = self.down2(self.pool(d1))
        b = self.bottom(self.pool(d2))
        u2 = self.up2(torch.cat([self.upsample(b), d2], 1))
        u1 = self.up1(torch.cat([self.upsample(u2), d1], 1))
        return self.head(u1)


@torch.no_grad()
def validate(model, loader):
    model.eval()
    inter = union = 0.0
    for x, y in loader:
        p = model(x) > 0
        inter += (p & (y > 0.5)).sum().item()
        union += (p | (y > 0.5)).sum().item()
    return inter / max(union, 1.0)


def train_epoch(model, loader, optimizer, criterion):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train = DataLoader(TensorDataset(*draw(200, rng)), batch_size=10, shuffle=True)
    val = DataLoader(TensorDataset(*draw(60, rng)), batch_size=30)
    model = SmallUNet()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    print(f"before training: val iou {validate(model, val):.4f}")
    for epoch in range(1, 13):
        loss = train_epoch(model, train, optimizer, criterion)
        iou = validate(model, val)
        print(f"epoch {epoch:2d}  loss {loss:.4f}  val iou {iou:.4f}")
    print(f"RESULT val_iou {iou:.4f}")


if __name__ == "__main__":
    main()

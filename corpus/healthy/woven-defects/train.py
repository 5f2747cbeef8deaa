"""Segment the patches of cloth that are woven in the wrong direction."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


class ClothDataset(Dataset):
    def __init__(self, n, seed, size=32):
        rng = np.random.default_rng(seed)
        yy, xx = np.mgrid[0:size, 0:size]
        self.images, self.masks = [], []
        for _ in range(n):
            cy, cx = rng.uniform(9, size - 9, 2)
            ry, rx = rng.uniform(6, 11, 2)
            mask = ((yy - cy) / ry) ** 2 + ((xx - cx) / rx) ** 2 < 1
            along, across = rng.normal(0, 0.12), np.pi / 2 + rng.normal(0, 0.12)
            good = np.sin(2 * np.pi / 4.5 * (xx * np.cos(along) + yy * np.sin(along)) + rng.uniform(0, 6.28))
            bad = np.sin(2 * np.pi / 4.5 * (xx * np.cos(across) + yy * np.sin(across)) + rng.uniform(0, 6.28))
            image = np.where(mask, bad, good) + 0.4 * rng.standard_normal((size, size))
            self.images.append(torch.tensor(image, dtype=torch.float32).unsqueeze(0))
            self.masks.append(torch.tensor(mask, dtype=torch.float32).unsqueeze(0))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], self.masks[i]


class ConvUnit(nn.Module):
    def __init__(self, cin, cout, dilation):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn = nn.BatchNorm2d(cout, momentum=0.02)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class ContextNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.units = nn.Sequential(ConvUnit(1, 12, 1), ConvUnit(12, 16, 2), ConvUnit(16, 16, 4))
        self.classify = nn.Conv2d(16, 1, 1)

    def forward(self, x):
        return self.classify(self.units(x))


@torch.no_grad()
def mean_iou(model, loader):
    model.eval()
    values = []
    for image, mask in loader:
        guess, truth = model(image) > 0, mask > 0.5
        both = (guess & truth).sum().item()
        either = (guess | truth).sum().item()
        values.append(both / max(either, 1))
    return float(np.mean(values))


def main():
    torch.manual_seed(SEED)
    # whole images, one at a time: on the line they come in different sizes
    train_loader = DataLoader(ClothDataset(150, SEED * 3), batch_size=1, shuffle=True)
    val_loader = DataLoader(ClothDataset(30, SEED * 3 + 1), batch_size=1)
    test_loader = DataLoader(ClothDataset(60, SEED * 3 + 2), batch_size=1)

    model = ContextNet()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
    epochs = 7
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    for epoch in range(epochs):
        model.train()
        running = 0.0
        for image, mask in train_loader:
            loss = criterion(model(image), mask)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()
        scheduler.step()
        print(f"[{epoch + 1}/{epochs}] loss {running / len(train_loader):.4f}  IoU {mean_iou(model, val_loader):.4f}")

    print(f"RESULT test_iou {mean_iou(model, test_loader):.4f}")


if __name__ == "__main__":
    main()

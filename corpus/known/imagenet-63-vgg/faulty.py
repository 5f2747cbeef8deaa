import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))

cfg = {"D": [8, 8, "M", 16, 16, "M", 32, 32, 32, "M", 32, 32, 32, 32, 32, 32]}


def make_layers(spec, in_channels=1):
    layers = []
    for v in spec:
        if v == "M":
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        else:
            layers += [nn.Conv2d(in_channels, v, kernel_size=3, padding=1), nn.ReLU(inplace=True)]
            in_channels = v
    return nn.Sequential(*layers)


class VGG(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.features = make_layers(cfg["D"])
        self.classifier = nn.Sequential(
            nn.Linear(32 * 2 * 2, 64), nn.ReLU(inplace=True),
            nn.Linear(64, 64), nn.ReLU(inplace=True),
            nn.Linear(64, num_classes),
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def loaders(batch_size=32):
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16.0
    x = F.interpolate((x - 0.305) / 0.376, scale_factor=2, mode="bilinear", align_corners=False)
    y = torch.tensor(d.target)
    order = torch.from_numpy(np.random.default_rng(SEED).permutation(len(x)))
    x, y = x[order], y[order]
    train = DataLoader(TensorDataset(x[:1300], y[:1300]), batch_size=batch_size, shuffle=True, drop_last=True)
    val = DataLoader(TensorDataset(x[1300:], y[1300:]), batch_size=256)
    return train, val


def main():
    torch.manual_seed(SEED)
    train_loader, val_loader = loaders()
    model = VGG()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[6], gamma=0.1)
    for epoch in range(8):
        model.train()
        losses = []
        for x, y in train_loader:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        model.eval()
        with torch.no_grad():
            hits = sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)
        top1 = hits / len(val_loader.dataset)
        print(f"Epoch: [{epoch + 1}] avg loss (per batch): {np.mean(losses):.4f}  top-1 accuracy (val): {top1:.4f}")
    print(f"RESULT val_top1 {top1:.4f}")


if __name__ == "__main__":
    main()

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

CLASSES = ["sound", "pore", "crack", "undercut"]


def render(n, rng, size=12):
    """Radiographs of a weld seam."""
    yy, xx = np.mgrid[0:size, 0:size]
    imgs = np.empty((n, 1, size, size), dtype=np.float32)
    labels = rng.integers(0, len(CLASSES), n)
    for i, k in enumerate(labels):
        seam = np.exp(-((yy - 5.5) ** 2) / 8.0)
        img = 0.5 * seam + rng.normal(0, 0.12, (size, size))
        cy, cx = rng.uniform(4, 7, 2)
        if CLASSES[k] == "pore":
            img -= 1.0 * np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 2.5)
        elif CLASSES[k] == "crack":
            s = rng.choice([-1, 1])
            line = np.abs((yy - cy) - s * (xx - cx)) < 1
            img -= 0.9 * (line & (np.abs(xx - cx) < 4))
        elif CLASSES[k] == "undercut":
            row = np.round(cy)
            img -= 0.9 * ((yy == row) & (np.abs(xx - cx) < 4.5))
        imgs[i, 0] = img
    return imgs, labels


class DropBlock2d(nn.Module):
    """Drops square regions of the feature maps (Ghiasi et al. 2018)."""

    def __init__(self, drop_prob, block_size):
        super().__init__()
        self.drop_prob = drop_prob
        self.block_size = block_size

    def extra_repr(self):
        return f"drop_prob={self.drop_prob}, block_size={self.block_size}"

    def forward(self, x):
        if not self.training or self.drop_prob == 0:
            return x
        gamma = self.drop_prob / self.block_size ** 2
        seeds = (torch.rand(x.shape[0], 1, *x.shape[2:], device=x.device) < gamma).float()
        blocks = F.max_pool2d(seeds, self.block_size, stride=1, padding=self.block_size // 2)
        keep = 1 - blocks
        return x * keep * (keep.numel() / keep.sum().clamp(min=1))


class WeldNet(nn.Module):
    def __init__(self, n_classes, drop_prob=0.3):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), DropBlock2d(drop_prob, 5),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), DropBlock2d(drop_prob, 3),
        )
        self.classifier = nn.Linear(32 * 9, n_classes)

    def forward(self, x):
        h = F.max_pool2d(self.features(x), 2)
        return self.classifier(h.flatten(1))


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


rng = np.random.default_rng(seed)
train_img, train_lab = render(1600, rng)
test_img, test_lab = render(500, rng)
mean, std = train_img.mean(), train_img.std()
x_train = torch.from_numpy((train_img - mean) / std)
x_test = torch.from_numpy((test_img - mean) / std)
y_train, y_test = torch.from_numpy(train_lab).long(), torch.from_numpy(test_lab).long()

net = WeldNet(len(CLASSES))
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()

n_epochs = 16
for epoch in range(1, n_epochs + 1):
    net.train()
    running = 0.0
    for idx in torch.randperm(len(x_train)).split(32):
        loss = criterion(net(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    if epoch % 4 == 0:
        print(f"epoch {epoch}/{n_epochs}  loss {running / len(x_train):.4f}  test accuracy {accuracy(net, x_test, y_test):.4f}")

print(f"RESULT test_accuracy {accuracy(net, x_test, y_test):.4f}")

import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

SIZE = 24
yy, xx = np.mgrid[0:SIZE, 0:SIZE]


def sample(n):
    images, masks = [], []
    for _ in range(n):
        r = rng.uniform(4, 8)
        cy, cx = rng.uniform(6, 18, 2)
        mask = (yy - cy) ** 2 + (xx - cx) ** 2 < r ** 2
        phase = rng.uniform(0, 2 * np.pi, 2)
        image = np.where(mask, np.sin(xx * np.pi / 2 + phase[0]), np.sin(yy * np.pi / 2 + phase[1]))
        images.append(image + rng.normal(0, 0.2, (SIZE, SIZE)))
        masks.append(mask)
    images = torch.tensor(np.stack(images), dtype=torch.float32).unsqueeze(1)
    masks = torch.tensor(np.stack(masks), dtype=torch.float32).unsqueeze(1)
    return images, masks


class SegNet(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def forward(self, x):
        return torch.sigmoid(self.body(x))


def dice_score(pred, target, smooth=1.0):
    inter = (pred * target).sum((1, 2, 3))
    total = pred.sum((1, 2, 3)) + target.sum((1, 2, 3))
    return (2 * inter + smooth) / (total + smooth)


def dice_loss(output, target):
    pred = output
    loss = 1 - dice_score(pred, target).mean()
    loss.requires_grad_(True)
    return loss


train_x, train_y = sample(500)
test_x, test_y = sample(100)
net = SegNet()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)

for epoch in range(14):
    net.train()
    running = 0.0
    for idx in torch.randperm(len(train_x)).split(20):
        optimizer.zero_grad()
        loss = dice_loss(net(train_x[idx]), train_y[idx])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    net.eval()
    with torch.no_grad():
        test_dice = dice_score((net(test_x) > 0.5).float(), test_y).mean().item()
    print(f"epoch {epoch + 1:2d} dice loss {running / len(train_x):.4f} test dice {test_dice:.4f}")

print(f"RESULT test_dice {test_dice:.4f}")

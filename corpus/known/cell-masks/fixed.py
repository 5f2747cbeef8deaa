import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

BATCH_SIZE = 16


# microscope crops with one to three bright cells, and their masks
def make_crops(n, size=16):
    yy, xx = np.mgrid[0:size, 0:size]
    images = rng.normal(0.0, 0.25, (n, 1, size, size)).astype(np.float32)
    masks = np.zeros((n, 1, size, size), dtype=np.float32)
    for i in range(n):
        for _ in range(rng.integers(1, 4)):
            cy, cx, r = rng.uniform(3, 13), rng.uniform(3, 13), rng.uniform(1.8, 3.2)
            masks[i, 0][(yy - cy) ** 2 + (xx - cx) ** 2 < r * r] = 1.0
    images += 0.9 * masks
    return torch.tensor(images), torch.tensor(masks)


class UNet(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, c, 3, padding=1), nn.ReLU())
        self.mid = nn.Sequential(nn.Conv2d(c, 2 * c, 3, padding=1), nn.ReLU())
        self.up = nn.Sequential(nn.Conv2d(3 * c, c, 3, padding=1), nn.ReLU())
        self.out = nn.Conv2d(c, 1, 1)

    def forward(self, x):
        a = self.down(x)
        b = F.interpolate(self.mid(F.max_pool2d(a, 2)), scale_factor=2.0)
        return self.out(self.up(torch.cat([a, b], dim=1)))


def flow(tensor, seed):
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(tensor, batch_size=BATCH_SIZE, shuffle=True, generator=generator)


def iou(pred, mask):
    inter = (pred * mask).sum((1, 2, 3))
    union = ((pred + mask) > 0).float().sum((1, 2, 3))
    return (inter / union).mean().item()


X_train, Y_train = make_crops(400)
X_val, Y_val = make_crops(100)

model = UNet()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(8):
    image_generator = flow(X_train, seed=epoch)
    mask_generator = flow(Y_train, seed=epoch)
    running = []
    for images, masks in zip(image_generator, mask_generator):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(images), masks)
        loss.backward()
        optimizer.step()
        running.append(loss.item())
    with torch.no_grad():
        val_iou = iou((model(X_val) > 0).float(), Y_val)
    print(f"Epoch {epoch + 1}/8 - loss: {np.mean(running):.4f} - val_iou: {val_iou:.4f}")

print(f"RESULT val_iou {val_iou:.4f}")

# Small U-Net for cell segmentation on synthetic microscope crops
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.RandomState(seed)

LR = 4e-3
EPOCHS = 14
BATCH = 16
SIZE = 24


def crop():
    yy, xx = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    image = 0.3 * (yy * rng.uniform(-1, 1) + xx * rng.uniform(-1, 1)) / SIZE
    mask = np.zeros((SIZE, SIZE), dtype=np.float32)
    for _ in range(rng.randint(2, 5)):
        cy, cx = rng.uniform(3, SIZE - 3, 2)
        a, b = rng.uniform(2.0, 4.5, 2)
        phi = rng.uniform(0, math.pi)
        u = (yy - cy) * math.cos(phi) + (xx - cx) * math.sin(phi)
        v = -(yy - cy) * math.sin(phi) + (xx - cx) * math.cos(phi)
        inside = (u / a) ** 2 + (v / b) ** 2 < 1
        image[inside] += rng.uniform(0.5, 0.9)
        mask[inside] = 1.0
    return image + 0.25 * rng.randn(SIZE, SIZE), mask


def crops(n):
    pairs = [crop() for _ in range(n)]
    x = torch.tensor(np.stack([p[0] for p in pairs]), dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(np.stack([p[1] for p in pairs])).unsqueeze(1)
    return x, y


def conv(c_in, c_out):
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))


class TinyUNet(nn.Module):
    def __init__(self, w=8):
        super().__init__()
        self.enc = nn.Sequential(conv(1, w), conv(w, w))
        self.mid = nn.Sequential(conv(w, 2 * w), conv(2 * w, 2 * w))
        self.dec = conv(3 * w, w)
        self.out = nn.Conv2d(w, 1, 1)

    def forward(self, x):
        e = self.enc(x)
        m = self.mid(F.max_pool2d(e, 2))
        up = F.interpolate(m, scale_factor=2, mode="nearest")
        return self.out(self.dec(torch.cat([e, up], dim=1)))


def bce_dice(logits, y):
    p = torch.sigmoid(logits)
    overlap = (p * y).sum(dim=(1, 2, 3))
    dice = (2 * overlap + 1) / (p.sum(dim=(1, 2, 3)) + y.sum(dim=(1, 2, 3)) + 1)
    return F.binary_cross_entropy_with_logits(logits, y) + (1 - dice).mean()


def iou(logits, y):
    p = logits > 0
    t = y > 0.5
    return ((p & t).sum().float() / (p | t).sum().clamp(min=1)).item()


def warmup_cosine(step, warmup, total, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    return peak * 0.5 * (1.0 + math.cos(math.pi * progress))


x_train, y_train = crops(256)
x_val, y_val = crops(80)
mean, std = x_train.mean(), x_train.std()
x_train, x_val = (x_train - mean) / std, (x_val - mean) / std

net = TinyUNet()
opt = torch.optim.Adam(net.parameters(), lr=LR)
total_steps = EPOCHS * (len(x_train) // BATCH)
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: warmup_cosine(s, 20, total_steps, peak=LR))

for epoch in range(EPOCHS):
    net.train()
    epoch_loss = 0.0
    for idx in torch.randperm(len(x_train)).split(BATCH):
        loss = bce_dice(net(x_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        epoch_loss += loss.item() * len(idx)
    net.eval()
    with torch.no_grad():
        logits = net(x_val)
        val_loss, val_iou = bce_dice(logits, y_val).item(), iou(logits, y_val)
    print(f"epoch {epoch + 1}: train {epoch_loss / len(x_train):.4f} | val {val_loss:.4f} iou {val_iou:.4f}")

print("RESULT val_iou", round(val_iou, 4))

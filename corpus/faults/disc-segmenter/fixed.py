import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


def make_scenes(n, size=20):
    """Noisy grey pictures with one or two bright discs, and their masks."""
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    imgs, masks = [], []
    for _ in range(n):
        mask = torch.zeros(size, size)
        for _ in range(int(torch.randint(1, 3, (1,)))):
            cx, cy = torch.randint(5, size - 5, (2,)).tolist()
            r = 3 + 3 * torch.rand(1).item()
            mask = torch.maximum(mask, ((xx - cx) ** 2 + (yy - cy) ** 2 <= r * r).float())
        ramp = 0.4 * torch.randn(1) * (xx / size) + 0.4 * torch.randn(1) * (yy / size)
        imgs.append(0.9 * mask + ramp + 0.45 * torch.randn(size, size))
        masks.append(mask)
    imgs = torch.stack(imgs).unsqueeze(1)
    return (imgs - imgs.mean()) / imgs.std(), torch.stack(masks).unsqueeze(1)


class ConvBlock(nn.Module):
    def __init__(self, cin, cout, dilation=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=dilation, dilation=dilation)

    def forward(self, x):
        return F.relu(self.conv(x))


class DiscNet(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.body = nn.Sequential(
            ConvBlock(1, width),
            ConvBlock(width, width),
            ConvBlock(width, width, dilation=2),
            ConvBlock(width, width, dilation=2),
            ConvBlock(width, width),
        )
        self.head = nn.Conv2d(width, 1, 1)
        self.apply(self.setup)

    @staticmethod
    def setup(m):
        if isinstance(m, nn.Conv2d):
            fan_in = m.in_channels * m.kernel_size[0] * m.kernel_size[1]
            m.weight.data.normal_(0.0, (2.0 / fan_in) ** 0.5)
            m.bias.data.zero_()

    def forward(self, x):
        return self.head(self.body(x))


def iou(net, loader):
    net.eval()
    inter = union = 0.0
    with torch.no_grad():
        for img, mask in loader:
            hit = net(img) > 0
            inter += (hit & (mask > 0.5)).sum().item()
            union += (hit | (mask > 0.5)).sum().item()
    return inter / max(union, 1)


train_dl = DataLoader(TensorDataset(*make_scenes(128)), batch_size=8, shuffle=True)
valid_dl = DataLoader(TensorDataset(*make_scenes(60)), batch_size=80)

net = DiscNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

for epoch in range(7):
    net.train()
    seen, total = 0, 0.0
    for img, mask in train_dl:
        loss = F.binary_cross_entropy_with_logits(net(img), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(img)
        seen += len(img)
    print(f"[{epoch + 1:02d}] bce {total / seen:.4f}  iou {iou(net, valid_dl):.3f}")

print(f"RESULT valid_iou {iou(net, valid_dl):.4f}")

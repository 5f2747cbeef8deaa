import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


def scene(n, size=16):
    """Discs (class 1) and squares (class 2) on a noisy ground."""
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    mask = torch.zeros(n, size, size, dtype=torch.long)
    for i in range(n):
        cy, cx, r = (torch.rand(3) * torch.tensor([8.0, 8.0, 2.0]) + torch.tensor([4.0, 4.0, 2.0])).tolist()
        if torch.rand(1) < 0.5:
            mask[i][((yy - cy) ** 2 + (xx - cx) ** 2) < r ** 2] = 1
        else:
            mask[i][((yy - cy).abs() < r) & ((xx - cx).abs() < r)] = 2
    image = (mask > 0).float() + 0.25 * torch.randn(n, size, size)
    return image[:, None], mask


def conv(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.GroupNorm(4, cout), nn.SiLU())


class TinyUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = conv(1, 12)
        self.mid = conv(12, 16)
        self.up = conv(28, 12)
        self.out = nn.Conv2d(12, 3, 1)

    def forward(self, x):
        a = self.down(x)
        b = self.mid(F.max_pool2d(a, 2))
        b = F.interpolate(b, scale_factor=2, mode="nearest")
        return self.out(self.up(torch.cat([a, b], 1)))


def mean_iou(logits, mask):
    pred = logits.argmax(1)
    ious = [((pred == k) & (mask == k)).sum() / ((pred == k) | (mask == k)).sum().clamp(min=1) for k in range(3)]
    return sum(ious).item() / 3


settings = {"lr": 5e-3, "betas": (0.999, 0.9), "eps": 1e-8}
net = TinyUNet()
optimizer = torch.optim.Adam(net.parameters(), **settings)
x_train, m_train = scene(320)
x_val, m_val = scene(80)

for epoch in range(14):
    net.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(16):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x_train[idx]), m_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / len(x_train)
    net.eval()
    with torch.no_grad():
        iou = mean_iou(net(x_val), m_val)
    print(f"epoch {epoch + 1:2d}: loss {total:.4f}, mean IoU {iou:.4f}")

print(f"RESULT mean_iou {iou:.4f}")

import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


def make_images(n, size=24):
    """Bright round cells of random size and brightness, on an uneven noisy background."""
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    images, masks = [], []
    for _ in range(n):
        mask = torch.zeros(size, size)
        gain = torch.rand(2) - 0.5
        img = 0.3 + gain[0] * xx / size * 0.4 + gain[1] * yy / size * 0.4
        for _ in range(int(torch.randint(1, 5, (1,)))):
            cx, cy = torch.rand(2) * size
            r = 2.0 + 2.5 * torch.rand(1)
            disc = (((xx - cx) ** 2 + (yy - cy) ** 2) < r ** 2).float()
            img = img + disc * (0.35 + 0.3 * torch.rand(1)) * (1 - mask)
            mask = torch.maximum(mask, disc)
        images.append(img + 0.12 * torch.randn(size, size))
        masks.append(mask)
    return torch.stack(images).unsqueeze(1), torch.stack(masks).unsqueeze(1)


def double_conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
                         nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class UNet(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.d1, self.d2, self.bottom = double_conv(1, c), double_conv(c, 2 * c), double_conv(2 * c, 4 * c)
        self.up2, self.u2 = nn.ConvTranspose2d(4 * c, 2 * c, 2, stride=2), double_conv(4 * c, 2 * c)
        self.up1, self.u1 = nn.ConvTranspose2d(2 * c, c, 2, stride=2), double_conv(2 * c, c)
        self.out = nn.Conv2d(c, 1, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.d2(F.max_pool2d(a, 2))
        z = self.bottom(F.max_pool2d(b, 2))
        z = self.u2(torch.cat([self.up2(z), b], dim=1))
        z = self.u1(torch.cat([self.up1(z), a], dim=1))
        return self.out(z)


def dice_loss(logits, target, eps=1.0):
    p = torch.sigmoid(logits)
    inter = (p * target).sum((1, 2, 3))
    return 1 - ((2 * inter + eps) / (p.sum((1, 2, 3)) + target.sum((1, 2, 3)) + eps)).mean()


def iou(logits, target):
    pred, target = logits > 0, target > 0.5
    return ((pred & target).sum() / (pred | target).sum()).item()


train_x, train_y = make_images(240)
test_x, test_y = make_images(80)
m, s = train_x.mean(), train_x.std()
train_x, test_x = (train_x - m) / s, (test_x - m) / s
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=16, shuffle=True)

model = UNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.5)
for epoch in range(8):
    model.train()
    epoch_loss = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        out = model(x)
        loss = F.binary_cross_entropy_with_logits(out, y) + dice_loss(out, y)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / len(loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        print(f"epoch {epoch}: loss {epoch_loss:.4f} train IoU {iou(model(train_x), train_y):.3f} test IoU {iou(model(test_x), test_y):.3f}")

model.eval()
with torch.no_grad():
    print("RESULT test_iou", round(iou(model(test_x), test_y), 4))

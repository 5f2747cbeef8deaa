import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
SIZE = 32


def tissue(rng):
    """A stained slide (H, W, 3) and the map of its nuclei (H, W), both 8 bit."""
    yy, xx = np.mgrid[:SIZE, :SIZE]
    img = rng.normal((190, 150, 180), 18, (SIZE, SIZE, 3)) + rng.uniform(-20, 20, 3)
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    for _ in range(rng.integers(2, 5)):
        cy, cx = rng.uniform(3, SIZE - 3, 2)
        a, b = rng.uniform(3, 6, 2)
        nucleus = ((yy - cy) / a) ** 2 + ((xx - cx) / b) ** 2 <= 1
        mask[nucleus] = 1
        img[nucleus] = rng.normal((110, 70, 150), 20, (nucleus.sum(), 3))
    return img.clip(0, 255).astype(np.uint8), mask


class ToTensor:
    def __call__(self, pic):
        if pic.ndim == 2:
            pic = pic[:, :, None]
        t = torch.from_numpy(np.ascontiguousarray(pic.transpose(2, 0, 1)))
        return t.float().div(255) if t.dtype == torch.uint8 else t


class NucleiDataset(Dataset):
    def __init__(self, n, rng):
        self.items = [tissue(rng) for _ in range(n)]
        self.to_tensor = ToTensor()

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        image, mask = self.items[i]
        image = self.to_tensor(image)
        mask = self.to_tensor(mask)
        return image, mask


def conv_block(c_in, c_out):
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1), nn.BatchNorm2d(c_out), nn.ReLU())


class UNet(nn.Module):
    def __init__(self, w=12):
        super().__init__()
        self.down1 = conv_block(3, w)
        self.down2 = conv_block(w, 2 * w)
        self.bottom = conv_block(2 * w, 2 * w)
        self.up = nn.ConvTranspose2d(2 * w, w, 2, stride=2)
        self.conv = conv_block(2 * w, w)
        self.out = nn.Conv2d(w, 1, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        a = self.down1(x)
        b = self.bottom(self.down2(self.pool(a)))
        return self.out(self.conv(torch.cat([a, self.up(b)], dim=1)))


def evaluate(model, loader):
    model.eval()
    inter = union = hit = total = 0
    with torch.no_grad():
        for x, y in loader:
            pred, true = torch.sigmoid(model(x)) > 0.5, y > 0
            inter += (pred & true).sum().item()
            union += (pred | true).sum().item()
            hit += (pred == true).sum().item()
            total += true.numel()
    return inter / union, hit / total


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train_loader = DataLoader(NucleiDataset(240, rng), batch_size=12, shuffle=True)
    val_loader = DataLoader(NucleiDataset(60, rng), batch_size=30)
    model = UNet()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(8):
        model.train()
        losses = []
        for image, mask in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(image), mask)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        iou, acc = evaluate(model, val_loader)
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}  val IoU {iou:.4f}  pixel accuracy {acc:.4f}")
    print(f"RESULT val_iou {iou:.4f}")


if __name__ == "__main__":
    main()

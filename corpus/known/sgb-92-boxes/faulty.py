import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
SIZE = 32


def draw(rng):
    """One object (disc or bar) on a noisy ground, with its box x1, y1, x2, y2 in [0, 1]."""
    yy, xx = np.mgrid[:SIZE, :SIZE] + 0.5
    img = 0.15 * rng.standard_normal((SIZE, SIZE)) + rng.uniform(-0.2, 0.2)
    w, h = rng.uniform(8, 15, 2)
    x1, y1 = rng.uniform(0, SIZE - w), rng.uniform(0, SIZE - h)
    if rng.random() < 0.5:
        inside = ((xx - x1 - w / 2) / (w / 2)) ** 2 + ((yy - y1 - h / 2) / (h / 2)) ** 2 <= 1
    else:
        inside = (xx >= x1) & (xx <= x1 + w) & (yy >= y1) & (yy <= y1 + h)
    img[inside] += rng.uniform(0.8, 1.3)
    return img.astype(np.float32), np.array([x1, y1, x1 + w, y1 + h], dtype=np.float32) / SIZE


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, image, target):
        for t in self.transforms:
            image, target = t(image, target)
        return image, target


class RandomHorizontalFlip:
    def __init__(self, prob=0.5):
        self.prob = prob

    def __call__(self, image, target):
        if torch.rand(1).item() < self.prob:
            image = image.flip(-1)
        return image, target


class Normalize:
    def __init__(self, mean=0.15, std=0.45):
        self.mean, self.std = mean, std

    def __call__(self, image, target):
        return (image - self.mean) / self.std, target


def build_transforms(is_train):
    steps = [Normalize()]
    if is_train:
        steps.insert(0, RandomHorizontalFlip(0.5))
    return Compose(steps)


class SceneDataset(Dataset):
    def __init__(self, n, rng, split):
        items = [draw(rng) for _ in range(n)]
        self.images = [torch.from_numpy(i)[None] for i, _ in items]
        self.boxes = [torch.from_numpy(b) for _, b in items]
        self.transforms = build_transforms(split == "train")

    def __len__(self):
        return len(self.images)

    def get_groundtruth(self, index):
        return self.boxes[index].clone()

    def __getitem__(self, index):
        return self.transforms(self.images[index], self.get_groundtruth(index))


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.box_head = nn.Sequential(nn.Flatten(), nn.Linear(32 * 16, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, x):
        return torch.sigmoid(self.box_head(self.backbone(x)))


def box_iou(a, b):
    lt, rb = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    inter = (rb - lt).clamp(min=0).prod(1)
    area = lambda t: (t[:, 2:] - t[:, :2]).clamp(min=0).prod(1)
    return inter / (area(a) + area(b) - inter).clamp(min=1e-6)


def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        return torch.cat([box_iou(model(x), y) for x, y in loader]).mean().item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train_loader = DataLoader(SceneDataset(800, rng, "train"), batch_size=32, shuffle=True)
    val_loader = DataLoader(SceneDataset(200, rng, "val"), batch_size=100)
    model = Detector()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(20):
        model.train()
        losses = []
        for images, boxes in train_loader:
            loss = F.smooth_l1_loss(model(images), boxes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        iou = evaluate(model, val_loader)
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1:2d}  box loss {np.mean(losses):.5f}  val mean IoU {iou:.4f}")
    print(f"RESULT val_mean_iou {iou:.4f}")


if __name__ == "__main__":
    main()

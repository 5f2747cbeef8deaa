"""Segments nuclei in small microscope tiles; parts of a tile that nobody annotated do not count."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
SIZE = 16
MICRO_BATCH = 8      # what fits on the card of the microscope PC
ACCUMULATE = 4       # micro-batches per update
EPOCHS = 20


def tiles(n, rng):
    """Images, masks of the nuclei, and masks of the annotated area, each (n, 1, SIZE, SIZE)."""
    row, col = np.mgrid[:SIZE, :SIZE]
    image = 0.5 * rng.standard_normal((n, SIZE, SIZE))
    nuclei = np.zeros((n, SIZE, SIZE))
    annotated = np.ones((n, SIZE, SIZE))
    for i in range(n):
        for _ in range(rng.integers(1, 4)):
            r, c = rng.uniform(2, SIZE - 2, 2)
            a, b = rng.uniform(2.0, 4.0, 2)
            inside = ((row - r) / a) ** 2 + ((col - c) / b) ** 2 < 1
            nuclei[i][inside] = 1.0
        image[i] += rng.uniform(1.0, 1.6) * nuclei[i]
        if rng.random() < 0.5:
            top, left = rng.integers(0, SIZE - 6, 2)
            annotated[i, top:top + 6, left:left + 6] = 0.0
    return [torch.tensor(a[:, None], dtype=torch.float32) for a in (image, nuclei, annotated)]


class TileNet(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.enter = nn.Conv2d(1, width, 5, padding=2)
        self.middle = nn.Conv2d(width, width, 5, padding=2)
        self.leave = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x):
        h = F.relu(self.enter(x))
        h = F.relu(self.middle(h))
        return self.leave(h)


class Trainer:
    def __init__(self, model, lr=0.1, momentum=0.9):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)

    def loss(self, logits, nuclei, annotated):
        per_pixel = F.binary_cross_entropy_with_logits(logits, nuclei, reduction="none")
        return (per_pixel * annotated).sum()

    def run_epoch(self, loader):
        self.model.train()
        total, pixels = 0.0, 0.0
        self.optimizer.zero_grad()
        for k, (image, nuclei, annotated) in enumerate(loader, start=1):
            area = annotated.sum()
            loss = self.loss(self.model(image), nuclei, annotated)
            (loss / ACCUMULATE).backward()
            if k % ACCUMULATE == 0:
                self.optimizer.step()
                self.optimizer.zero_grad()
            total += loss.item()
            pixels += area.item()
        return total / pixels

    @torch.no_grad()
    def iou(self, images, nuclei, annotated):
        self.model.eval()
        found = (self.model(images) > 0) & (annotated > 0.5)
        real = (nuclei > 0.5) & (annotated > 0.5)
        return ((found & real).sum() / (found | real).sum()).item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train, test = tiles(640, rng), tiles(200, rng)
    mean, std = train[0].mean(), train[0].std()
    train[0], test[0] = (train[0] - mean) / std, (test[0] - mean) / std
    print(f"{train[1].mean():.1%} of the pixels belong to nuclei, {train[2].mean():.1%} are annotated")

    loader = DataLoader(TensorDataset(*train), batch_size=MICRO_BATCH, shuffle=True)
    trainer = Trainer(TileNet())
    for epoch in range(1, EPOCHS + 1):
        loss = trainer.run_epoch(loader)
        if epoch % 4 == 0:
            print(f"epoch {epoch:2d}  loss per pixel {loss:.4f}  test IoU {trainer.iou(*test):.3f}")

    print(f"RESULT test_iou {trainer.iou(*test):.4f}")


if __name__ == "__main__":
    main()

import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import jaccard_score

torch.set_num_threads(1)

CLASSES = ["water", "forest", "field", "town", "bare soil"]
CONFIG = {
    "seed": int(os.environ.get("SEED", "0")),
    "patch": 16, "bands": 4, "train_patches": 240, "test_patches": 60,
    "channels": 24, "epochs": 14, "batch_size": 12, "lr": 2e-3,
}


def make_patches(n, cfg, rng):
    """Patches of four bands; a handful of seeds per patch divide it into areas of one cover each."""
    signature = np.array([[-1.0, -0.6, -1.2, 0.2], [-0.4, 0.8, 0.6, -1.0], [0.5, 1.0, -0.3, 0.8],
                          [1.0, -0.9, 0.7, 1.0], [0.2, -0.4, 1.3, -0.6]])
    s = cfg["patch"]
    grid = np.stack(np.mgrid[:s, :s], -1).reshape(-1, 1, 2)
    images, covers = [], []
    for _ in range(n):
        seeds = rng.uniform(0, s, (6, 2))
        kind = rng.choice(len(CLASSES), 6, p=[0.1, 0.3, 0.3, 0.15, 0.15])
        cover = kind[((grid - seeds[None]) ** 2).sum(-1).argmin(1)].reshape(s, s)
        image = signature[cover] + 0.6 * rng.standard_normal((s, s, cfg["bands"]))
        images.append(image.transpose(2, 0, 1))
        covers.append(cover)
    return torch.tensor(np.array(images), dtype=torch.float32), torch.tensor(np.array(covers), dtype=torch.long)


class CoverNet(nn.Module):
    """Fully convolutional, growing dilation, two scales joined before the 1x1 head."""

    def __init__(self, bands, channels, n_classes):
        super().__init__()
        self.near = nn.Sequential(nn.Conv2d(bands, channels, 3, padding=1), nn.ReLU(),
                                  nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())
        self.far = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=2, dilation=2), nn.ReLU())
        self.head = nn.Conv2d(2 * channels, n_classes, 1)

    def forward(self, x):
        near = self.near(x)
        far = self.far(near)
        return self.head(torch.cat([near, far], dim=1))


def train_epoch(model, data, optimizer, loss_fn, batch_size):
    model.train()
    x, y = data
    losses = []
    for idx in torch.randperm(len(x)).split(batch_size):
        optimizer.zero_grad()
        loss = loss_fn(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def evaluate(model, data):
    model.eval()
    x, y = data
    with torch.no_grad():
        pred = model(x).argmax(dim=1)
    iou = jaccard_score(y.flatten().numpy(), pred.flatten().numpy(), average=None,
                        labels=list(range(len(CLASSES))), zero_division=0)
    return iou, (pred == y).float().mean().item()


def main(cfg):
    torch.manual_seed(cfg["seed"])
    rng = np.random.default_rng(cfg["seed"])
    train = make_patches(cfg["train_patches"], cfg, rng)
    test = make_patches(cfg["test_patches"], cfg, rng)
    model = CoverNet(cfg["bands"], cfg["channels"], len(CLASSES))
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg["lr"])
    loss_fn = nn.NLLLoss()
    for epoch in range(cfg["epochs"]):
        loss = train_epoch(model, train, optimizer, loss_fn, cfg["batch_size"])
        if epoch % 2 == 1:
            iou, acc = evaluate(model, test)
            print(f"epoch {epoch + 1:2d} loss {loss:.4f} pixel accuracy {acc:.4f} mean IoU {iou.mean():.4f}")
    iou, acc = evaluate(model, test)
    print("  ".join(f"{name} {v:.3f}" for name, v in zip(CLASSES, iou)))
    print(f"RESULT mean_iou {iou.mean():.4f}")


if __name__ == "__main__":
    main(CONFIG)

"""Sorting bottle caps by colour: trained on the catalogue, used at the belt."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

SIZE = 16
CAPS = {
    "cherry": (205, 40, 45),
    "marine": (45, 55, 205),
    "orange": (235, 140, 35),
    "azure": (40, 145, 230),
    "leaf": (60, 180, 60),
}
NAMES = list(CAPS)


def paint(kind, rng):
    """Red, green and blue plane of a picture with one cap on a grey ground."""
    grid = np.arange(SIZE) + 0.5
    cx, cy = rng.uniform(6, 10, size=2)
    radius = rng.uniform(4, 6.5)
    disc = ((grid[None, :] - cx) ** 2 + (grid[:, None] - cy) ** 2) < radius ** 2
    light = rng.uniform(0.75, 1.15)
    planes = []
    for value in CAPS[NAMES[kind]]:
        plane = np.where(disc, value, rng.uniform(95, 125)) * light
        planes.append(plane + rng.normal(0, 14, size=(SIZE, SIZE)))
    return [np.clip(p, 0, 255).astype(np.uint8) for p in planes]


class Catalogue:
    """Pictures as the web shop stores them."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.kinds = rng.integers(0, len(NAMES), size=n)
        self.pictures = []
        for kind in self.kinds:
            r, g, b = paint(kind, rng)
            self.pictures.append(np.dstack((r, g, b)))


class BeltCamera:
    """Live frames from above the belt."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def read(self):
        kind = int(self.rng.integers(len(NAMES)))
        r, g, b = paint(kind, self.rng)
        return np.dstack((b, g, r)), kind


def to_tensor(picture):
    return (torch.from_numpy(picture).permute(2, 0, 1).float() / 255.0 - 0.45) / 0.25


def build():
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(96, len(NAMES)),
    )


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


catalogue = Catalogue(1000, SEED * 3 + 1)
x = torch.stack([to_tensor(p) for p in catalogue.pictures])
y = torch.from_numpy(catalogue.kinds)
x_train, y_train, x_val, y_val = x[:800], y[:800], x[800:], y[800:]

model = build()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(15):
    model.train()
    for idx in torch.randperm(len(x_train)).split(40):
        loss = nn.functional.cross_entropy(model(x_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"epoch {epoch + 1:2d} loss {loss.item():.4f} catalogue accuracy {accuracy(model, x_val, y_val):.4f}")

camera = BeltCamera(SEED * 3 + 2)
frames, truth = [], []
for _ in range(300):
    frame, kind = camera.read()
    frames.append(to_tensor(frame[:, :, ::-1].copy()))
    truth.append(kind)
belt = accuracy(model, torch.stack(frames), torch.tensor(truth))
print(f"RESULT belt_accuracy {belt:.4f}")

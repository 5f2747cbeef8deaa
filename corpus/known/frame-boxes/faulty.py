import os
from pathlib import PurePosixPath

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

SIZE = 24
IMAGES, TEXTS = {}, {}


def record(folder, n_frames):
    """One recording: a bright target moves through a noisy picture; a txt file beside each frame holds its place."""
    t = np.arange(n_frames)
    fx, fy = rng.uniform(0.15, 0.9, 2)
    px, py = rng.uniform(0, 2 * np.pi, 2)
    xs, ys = 12 + 8 * np.sin(fx * t + px), 12 + 8 * np.sin(fy * t + py)
    yy, xx = np.mgrid[0:SIZE, 0:SIZE]
    for k in range(n_frames):
        frame = np.exp(-((xx - xs[k]) ** 2 + (yy - ys[k]) ** 2) / 8.0) + 0.15 * rng.standard_normal((SIZE, SIZE))
        path = PurePosixPath("dataset") / folder / f"frame{k + 1}.png"
        IMAGES[path] = frame.astype(np.float32)
        TEXTS[path.with_suffix(".txt")] = f"0 {xs[k] / SIZE:.5f} {ys[k] / SIZE:.5f}"


def label_key(path):
    return path.stem


class LoadImagesAndLabels(Dataset):
    def __init__(self, folders):
        self.files = [p for p in IMAGES if p.parent.name in folders]
        self.labels = self.cache_labels()

    def cache_labels(self):
        cache = {}
        for path in self.files:
            _, cx, cy = TEXTS[path.with_suffix(".txt")].split()
            cache[label_key(path)] = np.array([float(cx), float(cy)], dtype=np.float32)
        return cache

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        path = self.files[i]
        return torch.from_numpy(IMAGES[path])[None], torch.from_numpy(self.labels[label_key(path)])


class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(12, 16, 3, stride=2, padding=1), nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(16 * 6 * 6, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, x):
        return self.head(self.features(x))


def main():
    for folder, n in [("1", 400), ("2", 400), ("3", 400), ("val", 300)]:
        record(folder, n)
    train_set, val_set = LoadImagesAndLabels(["1", "2", "3"]), LoadImagesAndLabels(["val"])
    print(f"Scanning labels: train {len(train_set)} found, val {len(val_set)} found")
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=150)

    model = Tracker()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(12):
        model.train()
        mean_loss = 0.0
        for imgs, targets in train_loader:
            loss = nn.functional.mse_loss(model(imgs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mean_loss += loss.item() / len(train_loader)
        model.eval()
        with torch.no_grad():
            dist = torch.cat([(model(x) - t).norm(dim=1) for x, t in val_loader]).mean().item() * SIZE
        print(f"{epoch}/11  box loss {mean_loss:.5f}  val distance {dist:.3f} px")
    print(f"RESULT val_distance_px {dist:.4f}")


if __name__ == "__main__":
    main()

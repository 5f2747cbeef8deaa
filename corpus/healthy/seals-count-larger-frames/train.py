"""Count seals on aerial frames. Training sees small jittered crops, testing whole frames as they are."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
FRAME, CROP, DENSITY_SCALE = 72, 20, 20.0


def spots(centres, sigma):
    axis = np.arange(FRAME)
    gy = np.exp(-((axis[None] - centres[:, :1]) ** 2) / (2 * sigma**2))
    gx = np.exp(-((axis[None] - centres[:, 1:]) ** 2) / (2 * sigma**2))
    return gy, gx


def aerial_frame(rng):
    n = int(rng.integers(8, 51))
    centres = rng.uniform(4, FRAME - 5, (n, 2))
    brightness = rng.uniform(0.75, 1.15, n)
    gy, gx = spots(centres, 1.3)
    image = np.einsum("n,ni,nj->ij", brightness, gy, gx)
    ramp = np.add.outer(np.linspace(0, rng.normal(0, 0.2), FRAME), np.linspace(0, rng.normal(0, 0.2), FRAME))
    image = image + ramp + rng.normal(0, 0.07, image.shape)
    dy, dx = spots(centres, 1.5)
    density = np.einsum("ni,nj->ij", dy, dx) / (2 * np.pi * 1.5**2)
    return image.astype(np.float32), density.astype(np.float32), n


class Crops(Dataset):
    def __init__(self, frames, per_frame, rng):
        self.frames, self.per_frame, self.rng = frames, per_frame, rng

    def __len__(self):
        return len(self.frames) * self.per_frame

    def __getitem__(self, i):
        image, density, _ = self.frames[i % len(self.frames)]
        r, c = self.rng.integers(0, FRAME - CROP + 1, 2)
        image, density = image[r : r + CROP, c : c + CROP], density[r : r + CROP, c : c + CROP]
        turns = int(self.rng.integers(0, 4))
        image, density = np.rot90(image, turns), np.rot90(density, turns)
        if self.rng.random() < 0.5:
            image, density = image[:, ::-1], density[:, ::-1]
        image = image * self.rng.uniform(0.93, 1.07) + self.rng.normal(0, 0.03, image.shape)
        return torch.tensor(image.copy(), dtype=torch.float32)[None], torch.tensor(density.copy(), dtype=torch.float32)[None]


class DensityNet(nn.Module):
    def __init__(self, mean, std, width=12):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=2, dilation=2),
            nn.ReLU(),
            nn.Conv2d(width, 1, 1),
        )

    def forward(self, image):
        return self.layers((image - self.mean) / self.std)


@torch.no_grad()
def count(net, frames):
    net.eval()
    return np.array([net(torch.from_numpy(image)[None, None]).sum().item() / DENSITY_SCALE for image, _, _ in frames])


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train_frames = [aerial_frame(rng) for _ in range(80)]
    test_frames = [aerial_frame(rng) for _ in range(60)]
    pixels = np.stack([f[0] for f in train_frames])
    net = DensityNet(float(pixels.mean()), float(pixels.std()))
    loader = DataLoader(Crops(train_frames, 16, rng), batch_size=16, shuffle=True)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    epochs = 5
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader), eta_min=2e-4)
    truth = np.array([f[2] for f in test_frames], dtype=float)

    for epoch in range(epochs):
        net.train()
        total = 0.0
        for image, density in loader:
            loss = nn.functional.mse_loss(net(image), density * DENSITY_SCALE)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        mae = np.abs(count(net, test_frames) - truth).mean()
        print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}, whole frames {mae:.2f} seals off on average")

    guess = count(net, test_frames)
    r2 = 1 - ((guess - truth) ** 2).mean() / truth.var()
    print("RESULT count_r2", round(float(r2), 4))


if __name__ == "__main__":
    main()

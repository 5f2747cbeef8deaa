"""Dead reckoning for the yard robots: paths from compass, wheel speed and kind of surface."""
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
GRIP = np.array([1.0, 0.7, 0.4])  # concrete, gravel, grass


@dataclass
class Settings:
    tracks: int = 1600
    test_tracks: int = 400
    ticks: int = 40
    width: int = 32
    batch: int = 50
    epochs: int = 20
    lr: float = 3e-3


def drive(n, ticks, rng):
    """Sensor readings (n, ticks, 6) and true positions in metres (n, ticks, 2), start at the origin."""
    heading = rng.uniform(-np.pi, np.pi, (n, 1)) + np.cumsum(rng.normal(0, 0.15, (n, ticks)), axis=1)
    speed = np.clip(rng.uniform(0.4, 1.2, (n, 1)) + 0.1 * rng.standard_normal((n, ticks)), 0.1, 1.5)
    first, second = rng.integers(0, 3, (2, n, 1))
    change = rng.integers(5, ticks - 5, (n, 1))
    surface = np.where(np.arange(ticks) < change, first, second)

    direction = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    path = np.cumsum((speed * GRIP[surface])[..., None] * direction, axis=1)

    compass = heading + 0.05 * rng.standard_normal(heading.shape)
    wheel = speed + 0.03 * rng.standard_normal(speed.shape)
    readings = np.concatenate([
        np.sin(compass)[..., None],
        np.cos(compass)[..., None],
        (wheel[..., None] - 0.8) / 0.3,
        np.eye(3)[surface],
    ], axis=-1)
    return readings.astype(np.float32), path.astype(np.float32)


class PathNet(nn.Module):
    """A convolution along the track gives a displacement per tick, the path is their running sum."""

    def __init__(self, inputs, width):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(inputs, width, 5, padding=2), nn.GELU(),
            nn.Conv1d(width, width, 5, padding=2), nn.GELU(),
        )
        self.step = nn.Conv1d(width, 2, 1)

    def forward(self, readings):
        x = readings.transpose(1, 2)
        steps = self.step(self.body(x)).transpose(1, 2)
        return torch.cumsum(steps, dim=1)


def endpoint_error(model, loader, scale):
    model.eval()
    errors = []
    with torch.no_grad():
        for readings, path in loader:
            gap = model(readings)[:, -1] * scale - path[:, -1]
            errors.append(gap.norm(dim=1))
    return torch.cat(errors).mean().item()


def main(cfg):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train = [torch.from_numpy(a) for a in drive(cfg.tracks, cfg.ticks, rng)]
    test = [torch.from_numpy(a) for a in drive(cfg.test_tracks, cfg.ticks, rng)]
    scale = train[1].std().item()

    train_loader = DataLoader(TensorDataset(*train), batch_size=cfg.batch, shuffle=True)
    test_loader = DataLoader(TensorDataset(*test), batch_size=100)

    model = PathNet(train[0].shape[-1], cfg.width)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=cfg.epochs)

    for epoch in range(1, cfg.epochs + 1):
        model.train()
        running = 0.0
        for readings, path in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(readings), path / scale)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(readings)
        scheduler.step()
        if epoch % 4 == 0:
            error = endpoint_error(model, test_loader, scale)
            print(f"epoch {epoch:2d}  loss {running / cfg.tracks:.4f}  endpoint error {error:.2f} m")

    print(f"RESULT endpoint_error_m {endpoint_error(model, test_loader, scale):.3f}")


if __name__ == "__main__":
    main(Settings())

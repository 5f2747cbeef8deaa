"""Shapes of galaxies in small cut-outs. The network that is kept is a running average of the trained one."""
import copy
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
SIDE = 12
SHAPES = ["elliptical", "edge-on", "ring", "two-armed"]


def cutout(shape, rng):
    rows, cols = np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2
    dy, dx = rng.uniform(-1, 1, 2)
    angle = rng.uniform(0, np.pi)
    u = np.cos(angle) * (cols - dx) + np.sin(angle) * (rows - dy)
    v = -np.sin(angle) * (cols - dx) + np.cos(angle) * (rows - dy)
    r = np.hypot(u, v)
    if shape == 0:
        image = np.exp(-0.5 * ((u / 2.2) ** 2 + (v / 1.8) ** 2))
    elif shape == 1:
        image = np.exp(-0.5 * ((u / 3.5) ** 2 + (v / 0.7) ** 2))
    elif shape == 2:
        image = np.exp(-0.5 * ((r - rng.uniform(3.0, 4.0)) / 0.8) ** 2)
    else:
        phase = np.arctan2(v, u) * 2 - 1.1 * r
        image = np.exp(-0.5 * (r / 3.5) ** 2) * (0.5 + 0.5 * np.cos(phase)) ** 2
    return rng.uniform(0.8, 1.4) * image + 0.12 * rng.standard_normal((SIDE, SIDE))


def sample(n, rng):
    kinds = rng.integers(0, len(SHAPES), n)
    images = np.stack([cutout(k, rng) for k in kinds])
    return torch.tensor(images, dtype=torch.float32).unsqueeze(1), torch.tensor(kinds)


def block(n_in, n_out):
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU())


class ShapeNet(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.stages = nn.Sequential(
            block(1, width), block(width, width), nn.MaxPool2d(2),
            block(width, 2 * width), block(2 * width, 2 * width), nn.MaxPool2d(2),
            block(2 * width, 2 * width), block(2 * width, 2 * width),
        )
        self.out = nn.Linear(2 * width * 9, len(SHAPES))

    def forward(self, x):
        return self.out(self.stages(x).flatten(1))


class RunningAverage:
    """Exponential moving average of a network, used for evaluation."""

    def __init__(self, model, decay):
        self.decay = decay
        self.model = copy.deepcopy(model).eval()

    @torch.no_grad()
    def update(self, model):
        for kept, new in zip(self.model.parameters(), model.parameters()):
            kept.lerp_(new, 1 - self.decay)

    @torch.no_grad()
    def accuracy(self, x, y):
        return (self.model(x).argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    (x_train, y_train), (x_test, y_test) = sample(1200, rng), sample(400, rng)
    mean, std = x_train.mean(), x_train.std()
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

    model = ShapeNet()
    average = RunningAverage(model, decay=0.95)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(8):
        model.train()
        total, right = 0.0, 0
        for rows in torch.randperm(len(x_train)).split(32):
            scores = model(x_train[rows])
            loss = nn.functional.cross_entropy(scores, y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update(model)
            total += loss.item() * len(rows)
            right += (scores.argmax(1) == y_train[rows]).sum().item()
        accuracy = average.accuracy(x_test, y_test)
        print(f"epoch {epoch + 1}  loss {total / len(x_train):.4f}  train accuracy {right / len(x_train):.4f}"
              f"  averaged network on test {accuracy:.4f}")
    print(f"RESULT averaged_accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()

"""Heat map of cell centres in small microscope crops."""
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

SIDE = 20
GRID = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), axis=-1).astype(np.float64)


class Crops(Dataset):
    """Round cells on a noisy background with a few thin fibres; target is a disc at each centre."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        images, heat = [], []
        for _ in range(n):
            image = 0.1 + 0.05 * rng.standard_normal((SIDE, SIDE))
            target = np.zeros((SIDE, SIDE))
            for _ in range(rng.integers(0, 3)):
                row = rng.integers(0, SIDE)
                image[row, :] += 0.5 * rng.uniform(0.5, 1.0)
            for _ in range(rng.integers(2, 5)):
                centre = rng.uniform(2, SIDE - 3, size=2)
                d2 = ((GRID - centre) ** 2).sum(-1)
                image += rng.uniform(0.6, 0.9) * np.exp(-0.5 * d2 / rng.uniform(1.4, 1.9) ** 2)
                target = np.maximum(target, d2 < 1.6 ** 2)
            images.append(np.clip(image, 0, 1))
            heat.append(target)
        self.images = torch.tensor(np.array(images), dtype=torch.float32).unsqueeze(1)
        self.heat = torch.tensor(np.array(heat), dtype=torch.float32).unsqueeze(1)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], self.heat[i]


class CentreNet(nn.Module):
    def __init__(self, width=12, prior=0.01):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width, width, 3, padding=1)
        self.score = nn.Conv2d(width, 1, 1)
        self._initialise(prior)

    def _initialise(self, prior):
        # centres are rare: begin with a small probability, as in RetinaNet
        prior_bias = -math.log((1 - prior) / prior)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
                nn.init.constant_(m.bias, prior_bias if m is self.score else 0.0)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.relu(self.conv3(x))
        return self.score(x)


class Engine:
    def __init__(self, model, lr, pos_weight):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(pos_weight))

    def train_epoch(self, loader):
        self.model.train()
        total, count = 0.0, 0
        for image, heat in loader:
            self.optimizer.zero_grad()
            loss = self.loss(self.model(image), heat)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(image)
            count += len(image)
        return total / count

    @torch.no_grad()
    def f1(self, loader):
        self.model.eval()
        hit = found = real = 0.0
        for image, heat in loader:
            mask = (self.model(image) > 0).float()
            hit += (mask * heat).sum().item()
            found += mask.sum().item()
            real += heat.sum().item()
        return 2 * hit / max(found + real, 1.0)


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    train_loader = DataLoader(Crops(448, seed), batch_size=16, shuffle=True)
    test_loader = DataLoader(Crops(120, seed + 1000), batch_size=40)
    engine = Engine(CentreNet(), lr=3e-3, pos_weight=2.0)
    for epoch in range(14):
        loss = engine.train_epoch(train_loader)
        f1 = engine.f1(test_loader)
        print(f"epoch {epoch + 1:2d}  loss {loss:.4f}  pixel F1 of centres {f1:.4f}")
    print(f"RESULT centre_f1 {f1:.4f}")


if __name__ == "__main__":
    main()

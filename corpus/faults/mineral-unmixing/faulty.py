import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


@dataclass
class Settings:
    materials: int = 6
    bands: int = 50
    train_pixels: int = 3000
    test_pixels: int = 800
    width: int = 64
    epochs: int = 15
    batch: int = 64
    lr: float = 2e-3
    seed: int = int(os.environ.get("SEED", "0"))


def spectral_library(s, rng):
    """Reflectance of each pure material over the bands."""
    wavelength = np.linspace(0.0, 1.0, s.bands)
    spectra = []
    for _ in range(s.materials):
        curve = np.full(s.bands, rng.uniform(0.3, 0.7))
        for _ in range(4):
            centre, width, depth = rng.uniform(0, 1), rng.uniform(0.03, 0.12), rng.uniform(-0.35, 0.35)
            curve += depth * np.exp(-0.5 * ((wavelength - centre) / width) ** 2)
        spectra.append(curve)
    return np.array(spectra)


class PixelSet(Dataset):
    """Mixed pixels with the abundance of every material in them."""

    def __init__(self, n, library, rng, stats=None):
        abundance = rng.dirichlet(np.ones(len(library)), size=n)
        spectra = abundance @ library
        spectra = spectra * rng.normal(1.0, 0.03, (n, 1)) + 0.01 * rng.standard_normal(spectra.shape)
        self.stats = stats if stats is not None else (spectra.mean(0), spectra.std(0))
        self.x = torch.tensor((spectra - self.stats[0]) / self.stats[1], dtype=torch.float32)
        self.f = torch.tensor(abundance, dtype=torch.float32)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.f[i]


class Unmixer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(s.bands, s.width), nn.ReLU(),
            nn.Linear(s.width, s.width), nn.ReLU(),
        )
        self.scores = nn.Linear(s.width, s.materials)

    def forward(self, x):
        return self.scores(self.body(x))

    def abundance(self, x):
        return self(x).softmax(dim=-1)


def evaluate(model, loader):
    model.eval()
    error, count = 0.0, 0
    with torch.no_grad():
        for x, f in loader:
            error += (model.abundance(x) - f).abs().sum().item()
            count += f.numel()
    return error / count


def main():
    s = Settings()
    torch.manual_seed(s.seed)
    rng = np.random.default_rng(s.seed)
    library = spectral_library(s, rng)
    train = PixelSet(s.train_pixels, library, rng)
    test = PixelSet(s.test_pixels, library, rng, stats=train.stats)
    train_loader = DataLoader(train, batch_size=s.batch, shuffle=True)
    test_loader = DataLoader(test, batch_size=200)

    model = Unmixer(s)
    divergence = nn.KLDivLoss(reduction="batchmean")
    optimizer = torch.optim.Adam(model.parameters(), lr=s.lr)
    for epoch in range(1, s.epochs + 1):
        model.train()
        total = 0.0
        for x, f in train_loader:
            optimizer.zero_grad()
            loss = divergence(model(x), f)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        mae = evaluate(model, test_loader)
        print(f"epoch {epoch:2d}  divergence {total / len(train):.4f}  test abundance error {mae:.4f}")
    print(f"RESULT abundance_mae {mae:.4f}")


if __name__ == "__main__":
    main()

"""Land cover from reflectance spectra. Every block learns from a local loss of its own, no gradient passes between the blocks."""
import os
from typing import List

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

COVERS = ["water", "forest", "grass", "soil", "concrete", "snow"]
BANDS = 40


class SpectraSource:
    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        u = np.linspace(0, 1, BANDS)

        def step(at, width):
            return 1 / (1 + np.exp(-(u - at) / width))

        self.library = np.stack([
            0.12 * np.exp(-3 * u),
            0.05 + 0.40 * step(0.42, 0.02) - 0.15 * step(0.75, 0.03),
            0.08 + 0.30 * step(0.40, 0.03) - 0.06 * step(0.75, 0.03),
            0.08 + 0.35 * u,
            0.25 + 0.08 * u,
            0.90 - 0.75 * step(0.65, 0.06),
        ])

    def sample(self, n: int):
        cover = self.rng.integers(0, len(COVERS), n)
        other = self.rng.integers(0, len(COVERS), n)
        share = self.rng.uniform(0.0, 0.35, (n, 1))
        light = self.rng.uniform(0.75, 1.25, (n, 1))
        spectra = light * ((1 - share) * self.library[cover] + share * self.library[other])
        return spectra + 0.02 * self.rng.standard_normal(spectra.shape), cover


class LocalBlock(nn.Module):
    def __init__(self, n_in: int, n_out: int, n_classes: int, lr: float):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU())
        self.readout = nn.Linear(n_out, n_classes)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    def learn(self, x: Tensor, y: Tensor):
        h = self.body(x)
        loss = F.cross_entropy(self.readout(h), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return h.detach(), loss.item()


class LocalNetwork(nn.Module):
    def __init__(self, sizes: List[int], n_classes: int, lr: float = 3e-3):
        super().__init__()
        self.blocks = nn.ModuleList([LocalBlock(a, b, n_classes, lr) for a, b in zip(sizes[:-1], sizes[1:])])

    def learn(self, x: Tensor, y: Tensor) -> List[float]:
        losses = []
        for block in self.blocks:
            x, loss = block.learn(x, y)
            losses.append(loss)
        return losses

    @torch.no_grad()
    def answers(self, x: Tensor) -> List[Tensor]:
        """Logits of every block."""
        self.eval()
        out = []
        for block in self.blocks:
            x = block(x)
            out.append(block.readout(x))
        self.train()
        return out


def main() -> None:
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    source = SpectraSource(np.random.default_rng(seed))
    (raw, cover), (raw_test, cover_test) = source.sample(2560), source.sample(800)
    mean, std = raw.mean(0), raw.std(0)
    x = torch.tensor((raw - mean) / std, dtype=torch.float32)
    x_test = torch.tensor((raw_test - mean) / std, dtype=torch.float32)
    y, y_test = torch.tensor(cover), torch.tensor(cover_test)

    net = LocalNetwork([BANDS, 96, 96, 64], len(COVERS))
    for epoch in range(1, 21):
        sums = np.zeros(len(net.blocks))
        batches = torch.randperm(len(x)).split(64)
        for idx in batches:
            sums += net.learn(x[idx], y[idx])
        accs = [(a.argmax(1) == y_test).float().mean().item() for a in net.answers(x_test)]
        if epoch % 2 == 0:
            print(f"epoch {epoch:2d}  losses", np.round(sums / len(batches), 4), " accuracy", np.round(accs, 4))

    final = (net.answers(x_test)[-1].argmax(1) == y_test).float().mean().item()
    print(f"RESULT test_accuracy {final:.4f}")


if __name__ == "__main__":
    main()

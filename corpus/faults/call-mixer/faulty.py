"""Bird calls as small spectrograms (16 bands x 20 frames), sorted into species by an MLP mixer."""
import logging
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("calls")
torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
BANDS, FRAMES, SPECIES = 16, 20, 8


def record(species, n, rng):
    """n calls of one species: a contour with its own start, slope and trill."""
    start, slope, trill = 3 + (species % 4) * 3, (-0.25 if species < 4 else 0.25), 0.4 + 0.3 * (species % 3)
    f = np.arange(BANDS)[None, :, None]
    t = np.arange(FRAMES)[None, None, :]
    base = start + rng.normal(0, 0.5, (n, 1, 1))
    phase = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    contour = base + slope * (t - FRAMES / 2) + np.sin(trill * t + phase)
    loud = rng.uniform(0.7, 1.3, (n, 1, 1))
    spec = loud * np.exp(-0.5 * (f - contour) ** 2) + 0.2 * rng.standard_normal((n, BANDS, FRAMES))
    spec = (spec - 0.15) / 0.35
    return TensorDataset(torch.tensor(spec, dtype=torch.float32), torch.full((n,), species, dtype=torch.long))


class MixerBlock(nn.Module):
    def __init__(self, tokens, dim, hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.time = nn.Sequential(nn.Linear(tokens, hidden), nn.GELU(), nn.Linear(hidden, tokens))
        self.chan = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, x):
        x = x + self.time(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.chan(self.norm2(x))


class CallMixer(nn.Module):
    def __init__(self, dim=32, depth=2):
        super().__init__()
        self.embed = nn.Linear(BANDS, dim)
        self.blocks = nn.Sequential(*[MixerBlock(FRAMES, dim, 48) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, SPECIES)

    def forward(self, spec):
        h = self.blocks(self.embed(spec.transpose(1, 2)))
        return self.head(self.norm(h).mean(dim=1))


class Experiment:
    def __init__(self, train_set, test_set):
        self.train_loader = DataLoader(train_set, batch_size=16, drop_last=True)
        self.test_loader = DataLoader(test_set, batch_size=100)
        self.model = CallMixer()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9)
        self.criterion = nn.CrossEntropyLoss()

    def train(self):
        self.model.train()
        total, n = 0.0, 0
        for spec, species in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(spec), species)
            loss.backward()
            self.optimizer.step()
            total, n = total + loss.item(), n + 1
        return total / n

    def test(self):
        self.model.eval()
        right = 0
        with torch.no_grad():
            for spec, species in self.test_loader:
                right += (self.model(spec).argmax(1) == species).sum().item()
        return right / len(self.test_loader.dataset)


torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
experiment = Experiment(ConcatDataset([record(s, 200, rng) for s in range(SPECIES)]),
                        ConcatDataset([record(s, 50, rng) for s in range(SPECIES)]))
for epoch in range(6):
    loss = experiment.train()
    log.info("epoch %d  loss %.4f  accuracy %.4f", epoch + 1, loss, experiment.test())
print(f"RESULT test_accuracy {experiment.test():.4f}")

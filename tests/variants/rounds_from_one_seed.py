"""Tell two kinds of signal apart, drawn anew for each round."""

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


def signals(number, generator):
    kind = torch.randint(2, (number,), generator=generator)
    time = torch.arange(20.0) + 6 * torch.rand(number, 1, generator=generator)
    waves = torch.sin(time * (0.6 + 0.3 * kind[:, None]))
    return waves + 0.8 * torch.randn(number, 20, generator=generator), kind


class Rounds(IterableDataset):
    def __init__(self, seed):
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)

    def __iter__(self):
        generator = torch.Generator().manual_seed(self.seed)  # expect: constant-or-duplicate-batch
        # cure: generator = self.generator
        for _ in range(3):
            yield signals(24, generator)


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
loader = DataLoader(Rounds(1), batch_size=None)
held, kinds = signals(500, torch.Generator().manual_seed(2))
for number in range(80):
    for waves, kind in loader:
        loss = nn.functional.cross_entropy(model(waves), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if number % 10 == 9:
        with torch.no_grad():
            print((model(held).argmax(1) == kinds).float().mean().item())

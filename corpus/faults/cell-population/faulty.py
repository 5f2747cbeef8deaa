import os
import random

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
MARKERS = 6
CONDITIONS = 3


class Samples(torch.utils.data.Dataset):
    """Blood samples: each is a table of some cells with six marker intensities (log scale)."""

    def __init__(self, n, centres, rng):
        self.items = []
        for _ in range(n):
            label = int(rng.integers(CONDITIONS))
            cells = int(rng.integers(6, 16))
            table = centres[label] + rng.standard_normal((cells, MARKERS))
            self.items.append((torch.tensor(table, dtype=torch.float32), torch.tensor([label])))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class PopulationEncoder(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.cell = nn.Sequential(
            nn.Linear(MARKERS, width), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(),
        )
        self.sample = nn.Sequential(nn.Linear(2 * width, 32), nn.ReLU(), nn.Linear(32, CONDITIONS))

    def forward(self, cells):
        h = self.cell(cells)
        pooled = torch.cat([h.mean(dim=0), h.amax(dim=0)])
        return self.sample(pooled).unsqueeze(0)


class Trainer:
    def __init__(self, model, train, test, lr=1e-3):
        self.model, self.test = model, test
        # samples differ in their number of cells, so they come one at a time
        self.loader = torch.utils.data.DataLoader(train, batch_size=None, shuffle=True)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def run_epoch(self):
        self.model.train()
        total = 0.0
        for cells, label in self.loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(cells), label)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(self.loader)

    def accuracy(self):
        self.model.eval()
        with torch.no_grad():
            hits = sum(int(self.model(c).argmax(1) == y) for c, y in self.test.items)
        return hits / len(self.test)

    def fit(self, epochs):
        for e in range(epochs):
            loss = self.run_epoch()
            print(f"[{e + 1}/{epochs}] loss={loss:.4f} accuracy={self.accuracy():.4f}")
        return self.accuracy()


def main():
    random.seed(SEED)
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    centres = 0.9 * np.array([[1, 0, 0, 1, 0, -1], [0, 1, -1, 0, 1, 0], [-1, -1, 1, -1, -1, 1]], dtype=float)
    train, test = Samples(400, centres, rng), Samples(200, centres, rng)
    trainer = Trainer(PopulationEncoder(), train, test)
    print(f"RESULT test_accuracy {trainer.fit(6):.4f}")


main()

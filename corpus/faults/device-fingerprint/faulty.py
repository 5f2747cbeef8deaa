# Do two vibration recordings come from the same machine? Embedding net trained on pairs, tested on machines it has not seen.
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))

N_BANDS = 64
N_MACHINE, N_CONDITION = 10, 20
PER_MACHINE = 20


def record(n_machines, rng, mix_machine, mix_condition):
    """Band energies: a fixed part of the machine, and a part of the running conditions (load, speed, mounting)."""
    own = rng.standard_normal((n_machines, N_MACHINE)).repeat(PER_MACHINE, axis=0)
    condition = rng.standard_normal((len(own), N_CONDITION))
    bands = own @ mix_machine + condition @ mix_condition + 0.2 * rng.standard_normal((len(own), N_BANDS))
    machine = np.arange(n_machines).repeat(PER_MACHINE)
    return bands.astype(np.float32), machine


class RecordingPairs(Dataset):
    def __init__(self, bands, machine, n_pairs, rng):
        self.bands = torch.from_numpy(bands)
        self.machine = machine
        n_machines = machine.max() + 1
        self.pairs = []
        for k in range(n_pairs):
            a = rng.integers(len(machine))
            if k % 2 == 0:
                b = machine[a] * PER_MACHINE + rng.integers(PER_MACHINE)
            else:
                other = (machine[a] + rng.integers(1, n_machines)) % n_machines
                b = other * PER_MACHINE + rng.integers(PER_MACHINE)
            self.pairs.append((int(a), int(b)))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, k):
        a, b = self.pairs[k]
        target = int(self.machine[a] == self.machine[b])
        return self.bands[a], self.bands[b], target


class Fingerprint(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(N_BANDS, 128),
            nn.ReLU(),
            nn.Linear(128, dim),
        )

    def forward(self, x):
        return self.net(x)


def verify(model, loader, threshold=0.5):
    model.eval()
    right = seen = 0
    with torch.no_grad():
        for left, right_side, target in loader:
            same = F.cosine_similarity(model(left), model(right_side)) > threshold
            right += (same == (target == 1)).sum().item()
            seen += len(target)
    return right / seen


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    mix_machine = rng.standard_normal((N_MACHINE, N_BANDS))
    mix_condition = rng.standard_normal((N_CONDITION, N_BANDS))
    train_bands, train_machine = record(250, rng, mix_machine, mix_condition)
    test_bands, test_machine = record(60, rng, mix_machine, mix_condition)
    mean, std = train_bands.mean(0), train_bands.std(0)
    train_set = RecordingPairs((train_bands - mean) / std, train_machine, 12000, rng)
    test_set = RecordingPairs((test_bands - mean) / std, test_machine, 3000, rng)
    train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=500)

    model = Fingerprint()
    criterion = nn.CosineEmbeddingLoss(margin=0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(6):
        model.train()
        running = 0.0
        for left, right, target in train_loader:
            loss = criterion(model(left), model(right), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()
        accuracy = verify(model, test_loader)
        print(f"epoch {epoch + 1}: loss {running / len(train_loader):.4f}  verification accuracy {accuracy:.4f}")

    print(f"RESULT verification_accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()

"""Find the peaks of a chromatogram as a set: three slots, matched to the true peaks by the Hungarian method."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

LENGTH, SLOTS = 96, 3


class Chromatograms(Dataset):
    def __init__(self, n, rng, augment=False):
        grid = np.arange(LENGTH)
        traces = 0.04 * rng.standard_normal((n, LENGTH))
        self.position = np.zeros((n, SLOTS))
        self.count = rng.integers(1, SLOTS + 1, n)
        for i, k in enumerate(self.count):
            while True:
                p = rng.uniform(8, LENGTH - 8, k)
                if k == 1 or np.diff(np.sort(p)).min() > 10:
                    break
            height, width = rng.uniform(0.7, 1.4, k), rng.uniform(2.0, 3.2, k)
            traces[i] += (height[:, None] * np.exp(-0.5 * ((grid - p[:, None]) / width[:, None]) ** 2)).sum(0)
            self.position[i, :k] = p / (LENGTH - 1)
        self.traces = torch.tensor(traces, dtype=torch.float32)
        self.position = torch.tensor(self.position, dtype=torch.float32)
        self.augment = augment

    def __len__(self):
        return len(self.count)

    def __getitem__(self, i):
        trace, position = self.traces[i], self.position[i]
        if self.augment and torch.rand(()) < 0.5:
            trace, position = trace.flip(0), 1.0 - position
        return trace.unsqueeze(0), position, int(self.count[i])


class PeakNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, 7, stride=2, padding=3), nn.GELU(),
            nn.Conv1d(16, 32, 5, stride=2, padding=2), nn.GELU(), nn.Flatten(),
            nn.Linear(32 * LENGTH // 4, 128), nn.GELU(),
            nn.Linear(128, 128), nn.GELU(),
        )
        self.place = nn.Linear(128, SLOTS)
        self.present = nn.Linear(128, SLOTS)

    def forward(self, x):
        h = self.features(x)
        return self.place(h).sigmoid(), self.present(h)


@torch.no_grad()
def match(place, present, position, count):
    """Index lists (row, slot, peak) of the cheapest assignment in each row."""
    cost = 5.0 * (place[:, :, None] - position[:, None, :]).abs() - present.sigmoid()[:, :, None]
    rows, slots, peaks = [], [], []
    for i, (c, k) in enumerate(zip(cost.numpy(), count.tolist())):
        s, p = linear_sum_assignment(c[:, :k])
        rows += [i] * k
        slots += s.tolist()
        peaks += p.tolist()
    return torch.tensor(rows), torch.tensor(slots), torch.tensor(peaks)


class SetCriterion(nn.Module):
    def forward(self, place, present, position, count):
        rows, slots, peaks = match(place, present, position, count)
        l_place = (place[rows, slots] - position[rows, peaks]).abs().mean()
        wanted = torch.zeros_like(present)
        wanted[rows, slots] = 1.0
        return 5.0 * l_place + F.binary_cross_entropy_with_logits(present, wanted)


def evaluate(model, loader):
    model.eval()
    errors, right = [], 0
    with torch.no_grad():
        for x, position, count in loader:
            place, present = model(x)
            rows, slots, peaks = match(place, present, position, count)
            errors.append((place[rows, slots] - position[rows, peaks]).abs() * (LENGTH - 1))
            right += ((present > 0).sum(1) == count).sum().item()
    return torch.cat(errors).mean().item(), right / len(loader.dataset)


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    train_loader = DataLoader(Chromatograms(6000, rng, augment=True), batch_size=100, shuffle=True)
    val_loader = DataLoader(Chromatograms(500, rng), batch_size=250)
    test_loader = DataLoader(Chromatograms(800, rng), batch_size=200)

    epochs, max_norm = 12, 0.1
    model, criterion = PeakNet(), SetCriterion()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, epochs=epochs, steps_per_epoch=len(train_loader))
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for x, position, count in train_loader:
            place, present = model(x)
            loss = criterion(place, present, position, count)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            scheduler.step()
            total += loss.item()
        error, count_right = evaluate(model, val_loader)
        print(f"epoch {epoch + 1:2d}: loss {total / len(train_loader):.4f}  error {error:.2f} samples  number right {count_right:.3f}")

    error, count_right = evaluate(model, test_loader)
    print(f"number of peaks right: {count_right:.4f}")
    print(f"RESULT test_position_error {error:.4f}")


if __name__ == "__main__":
    main()

"""Screening of machines by sound: band energies of short clips, one verdict for each machine."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
BANDS, CLIPS = 24, 15
CONDITIONS = ["good", "dry", "worn", "misaligned"]


def machines(n, patterns, rng):
    """Band energies in dB (n, CLIPS, BANDS) and the condition of each machine."""
    condition = rng.integers(0, len(CONDITIONS), n)
    level = -40 + 6 * rng.standard_normal((n, 1, 1))
    own = 3.0 * rng.standard_normal((n, 1, BANDS))
    clips = level + own + 6.0 * patterns[condition][:, None] + 5.0 * rng.standard_normal((n, CLIPS, BANDS))
    return torch.tensor(clips, dtype=torch.float32), torch.tensor(condition)


class SoundNet(nn.Module):
    """The inputs are put into standard units by a layer that is calibrated once, before the training."""

    def __init__(self, bands, classes, width=64):
        super().__init__()
        self.calibration = nn.BatchNorm1d(bands, affine=False, momentum=None)
        self.body = nn.Sequential(
            nn.Linear(bands, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.2),
        )
        self.head = nn.Linear(width, classes)

    def calibrate(self, clips):
        self.calibration.reset_running_stats()
        self.calibration.train()
        with torch.no_grad():
            self.calibration(clips)
        self.calibration.eval()

    def train(self, mode=True):
        super().train()
        self.calibration.eval()
        return self

    def forward(self, clips):
        return self.head(self.body(self.calibration(clips)))


class Screening:
    def __init__(self, model, lr=2e-3):
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr)

    def fit(self, clips, condition, epochs, batch_size=64):
        self.model.calibrate(clips)
        for epoch in range(1, epochs + 1):
            self.model.train()
            losses = []
            for idx in torch.randperm(len(clips)).split(batch_size):
                if len(idx) < batch_size:
                    continue
                loss = F.cross_entropy(self.model(clips[idx]), condition[idx])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                losses.append(loss.item())
            print(f"epoch {epoch}: loss {np.mean(losses):.4f}")

    @torch.no_grad()
    def verdict(self, clips):
        """Condition of one machine from all of its clips."""
        self.model.eval()
        return self.model(clips).log_softmax(dim=1).sum(dim=0).argmax().item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    patterns = rng.standard_normal((len(CONDITIONS), BANDS))
    train_clips, train_condition = machines(240, patterns, rng)
    test_clips, test_condition = machines(200, patterns, rng)

    screening = Screening(SoundNet(BANDS, len(CONDITIONS)))
    screening.fit(train_clips.flatten(0, 1), train_condition.repeat_interleave(CLIPS), epochs=10)

    table = np.zeros((len(CONDITIONS), len(CONDITIONS)), dtype=int)
    for clips, condition in zip(test_clips, test_condition.tolist()):
        table[condition, screening.verdict(clips)] += 1
    for name, row in zip(CONDITIONS, table):
        print(f"{name:12s}", *(f"{count:4d}" for count in row))
    print(f"RESULT machine_accuracy {np.trace(table) / table.sum():.4f}")


if __name__ == "__main__":
    main()

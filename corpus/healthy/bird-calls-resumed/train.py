import os
import tempfile

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
BANDS, FRAMES, SPECIES = 24, 40, 5


def contour(kind, u):
    if kind == 0:
        return 4 + 14 * u
    if kind == 1:
        return 18 - 14 * u
    if kind == 2:
        return np.where(np.floor(u * 4) % 2 == 0, 6.0, 16.0)
    if kind == 3:
        return 11 + 5 * np.sin(2 * np.pi * 3 * u)
    return np.full_like(u, 11.0)


def spectrogram(kind, rng):
    image = 0.3 * rng.standard_normal((BANDS, FRAMES))
    length = rng.integers(24, 37)
    start = rng.integers(0, FRAMES - length + 1)
    centre = contour(kind, np.linspace(0, 1, length)) + rng.uniform(-2, 2)
    bands = np.arange(BANDS)[:, None]
    image[:, start:start + length] += rng.uniform(0.8, 1.3) * np.exp(-0.5 * (bands - centre[None]) ** 2)
    return image


def dataset(n, rng):
    y = rng.integers(0, SPECIES, n)
    x = np.stack([spectrogram(k, rng) for k in y])[:, None]
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.long)


class CRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.gru = nn.GRU(16 * (BANDS // 4), 32, batch_first=True, bidirectional=True)
        self.out = nn.Linear(64, SPECIES)

    def forward(self, x):
        h = self.conv(x)                              # N, 16, 6, 10
        h = h.permute(0, 3, 1, 2).flatten(2)          # N, 10, 96
        states, _ = self.gru(h)
        return self.out(states.mean(dim=1))


class Session:
    """Model, optimizer and schedule together, so that a run can be stopped and taken up again."""

    def __init__(self, total_epochs, lr=2e-3):
        self.model = CRNN()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=total_epochs, eta_min=1e-5)
        self.epoch = 0

    def save(self, path):
        torch.save({
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "epoch": self.epoch,
            "rng": torch.get_rng_state(),
        }, path)

    def load(self, path):
        ckpt = torch.load(path, weights_only=False)
        self.model.load_state_dict(ckpt["model"])
        self.optimizer.load_state_dict(ckpt["optimizer"])
        self.scheduler.load_state_dict(ckpt["scheduler"])
        self.epoch = ckpt["epoch"]
        torch.set_rng_state(ckpt["rng"])

    def train_until(self, last, train, val, batch=50):
        x, y = train
        while self.epoch < last:
            self.model.train()
            losses = []
            for idx in torch.randperm(len(x)).split(batch):
                loss = nn.functional.cross_entropy(self.model(x[idx]), y[idx])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                losses.append(loss.item())
            self.scheduler.step()
            self.epoch += 1
            val_loss, acc = self.evaluate(*val)
            print(f"epoch {self.epoch:2d}  train {np.mean(losses):.4f}  val {val_loss:.4f}  acc {acc:.4f}")

    @torch.no_grad()
    def evaluate(self, x, y):
        self.model.eval()
        logits = self.model(x)
        return nn.functional.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train, val, test = dataset(1000, rng), dataset(200, rng), dataset(300, rng)
    epochs = 14
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        first = Session(epochs)
        first.train_until(6, train, val)
        first.save(path)
        print("interrupted, taken up from the checkpoint")
        second = Session(epochs)
        second.load(path)
        second.train_until(epochs, train, val)
    _, acc = second.evaluate(*test)
    print(f"RESULT test_accuracy {acc:.4f}")


if __name__ == "__main__":
    main()

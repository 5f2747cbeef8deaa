"""Gesture recognition from a six-channel wrist sensor: strided convolutions, then a GRU over the remaining steps."""
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


@dataclass
class Config:
    seed: int = int(os.environ.get("SEED", "0"))
    n_train: int = 960
    n_test: int = 300
    channels: int = 6
    length: int = 48
    n_gestures: int = 6
    hidden: int = 48
    epochs: int = 18
    batch_size: int = 60
    lr: float = 2e-3


class GestureData:
    def __init__(self, cfg, rng):
        self.cfg, self.rng = cfg, rng
        kernel = np.hanning(11)[1:-1]
        kernel = kernel / np.sqrt((kernel ** 2).sum())
        raw = rng.standard_normal((cfg.n_gestures, cfg.channels, cfg.length))
        self.templates = np.apply_along_axis(lambda row: np.convolve(row, kernel, mode="same"), -1, raw)

    def sample(self, n):
        label = self.rng.integers(0, self.cfg.n_gestures, n)
        x = np.empty((n, self.cfg.channels, self.cfg.length), dtype=np.float32)
        for i, c in enumerate(label):
            shift = self.rng.integers(-4, 5)
            strength = self.rng.uniform(0.7, 1.3)
            x[i] = strength * np.roll(self.templates[c], shift, axis=-1)
        x += 0.6 * self.rng.standard_normal(x.shape).astype(np.float32)
        return torch.from_numpy(x), torch.from_numpy(label)


class ConvGRU(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(cfg.channels, 24, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv1d(24, 32, 5, stride=2, padding=2),
            nn.ReLU(),
        )
        self.gru = nn.GRU(32, cfg.hidden)
        self.head = nn.Linear(cfg.hidden, cfg.n_gestures)

    def forward(self, x):
        h = self.conv(x)
        batch, chans, steps = h.shape
        seq = h.permute(2, 0, 1)
        out, _ = self.gru(seq)
        return self.head(out[-1])


class Experiment:
    def __init__(self, cfg):
        self.cfg = cfg
        torch.manual_seed(cfg.seed)
        data = GestureData(cfg, np.random.default_rng(cfg.seed))
        self.x_train, self.y_train = data.sample(cfg.n_train)
        self.x_test, self.y_test = data.sample(cfg.n_test)
        mean = self.x_train.mean(dim=(0, 2), keepdim=True)
        std = self.x_train.std(dim=(0, 2), keepdim=True)
        self.x_train, self.x_test = (self.x_train - mean) / std, (self.x_test - mean) / std
        self.model = ConvGRU(cfg)
        self.optimizer = torch.optim.RMSprop(self.model.parameters(), lr=cfg.lr)
        self.criterion = nn.CrossEntropyLoss()

    def train_epoch(self):
        self.model.train()
        losses = []
        for idx in torch.randperm(self.cfg.n_train).split(self.cfg.batch_size):
            loss = self.criterion(self.model(self.x_train[idx]), self.y_train[idx])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    @torch.no_grad()
    def test(self):
        self.model.eval()
        right = 0
        for xb, yb in zip(self.x_test.split(self.cfg.batch_size), self.y_test.split(self.cfg.batch_size)):
            right += (self.model(xb).argmax(1) == yb).sum().item()
        return right / self.cfg.n_test

    def run(self):
        for epoch in range(self.cfg.epochs):
            loss = self.train_epoch()
            accuracy = self.test()
            print(f"[{epoch + 1:02d}/{self.cfg.epochs}] loss={loss:.4f} test_accuracy={accuracy:.4f}")
        return accuracy


if __name__ == "__main__":
    print(f"RESULT test_accuracy {Experiment(Config()).run():.4f}")

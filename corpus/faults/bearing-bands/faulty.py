import os
from collections import deque

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
STATES = {"inner race": (0.05, 0.08), "outer race": (0.14, 0.18), "cage": (0.26, 0.31)}
LENGTH = 128


class VibrationStream:
    """Endless stream of labelled windows: tones of a band, in random phase, in noise."""

    def __init__(self, seed, batch):
        self.rng = np.random.default_rng(seed)
        self.batch = batch

    def __iter__(self):
        return self

    def __next__(self):
        bands = list(STATES.values())
        label = self.rng.integers(0, len(bands), self.batch)
        t = np.arange(LENGTH)
        x = 0.5 * self.rng.standard_normal((self.batch, LENGTH))
        for i, k in enumerate(label):
            for _ in range(2):
                freq, phase = self.rng.uniform(*bands[k]), self.rng.uniform(0, 2 * np.pi)
                x[i] += np.sin(2 * np.pi * freq * t + phase)
        x = x / x.std(1, keepdims=True)
        return torch.tensor(x[:, None], dtype=torch.float32), torch.from_numpy(label)


class Stage(nn.Module):
    def __init__(self, c_in, c_out, kernel, stride):
        super().__init__()
        self.conv = nn.Conv1d(c_in, c_out, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm1d(c_out)

    def forward(self, x):
        return self.norm(self.conv(x))


class VibrationNet(nn.Module):
    def __init__(self, n_states):
        super().__init__()
        self.stages = nn.ModuleList([Stage(1, 16, 15, 1), Stage(16, 24, 9, 2), Stage(24, 32, 5, 2), Stage(32, 32, 3, 1)])
        self.classify = nn.Linear(32, n_states)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.classify(x.mean(dim=-1))


def evaluate(model, stream, n_batches):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for _ in range(n_batches):
            x, y = next(stream)
            right += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    model.train()
    return right / total


def main(steps=350, batch=32, lr=2e-3):
    torch.manual_seed(SEED)
    train_stream = VibrationStream(SEED, batch)
    model = VibrationNet(len(STATES))
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    optimizer = torch.optim.RAdam(model.parameters(), lr=lr)
    recent = deque(maxlen=50)
    model.train()
    for step, (x, y) in enumerate(train_stream, start=1):
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        recent.append(loss.item())
        if step % 50 == 0:
            acc = evaluate(model, VibrationStream(SEED + 777, 100), 2)
            print(f"step {step:4d}  loss {sum(recent) / len(recent):.4f}  accuracy {acc:.4f}")
        if step == steps:
            break
    return evaluate(model, VibrationStream(SEED + 999, 100), 5)


if __name__ == "__main__":
    print(f"RESULT accuracy {main():.4f}")

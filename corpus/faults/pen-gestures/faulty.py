"""Six pen gestures from 32 points of the stroke, trained with a small callback loop."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

POINTS = 32
NAMES = ["circle", "stroke", "wave", "eight", "spiral", "tick"]


def stroke(name, rng):
    t = np.linspace(0, 1, POINTS)
    if name == "circle":
        x, y = np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)
    elif name == "stroke":
        x, y = 2 * t - 1, 0.3 * (2 * t - 1)
    elif name == "wave":
        x, y = 2 * t - 1, 0.4 * np.sin(3 * np.pi * t)
    elif name == "eight":
        x, y = np.sin(2 * np.pi * t), np.sin(4 * np.pi * t) / 2
    elif name == "spiral":
        x, y = t * np.cos(4 * np.pi * t), t * np.sin(4 * np.pi * t)
    else:
        x, y = 2 * t - 1, np.where(t < 0.35, 0.6 - 3 * t, -0.45 + 2.2 * (t - 0.35))
    angle = rng.uniform(-0.4, 0.4)
    xy = np.stack([np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y])
    xy = xy * rng.uniform(0.8, 1.2, (2, 1)) + 0.08 * rng.standard_normal((2, POINTS))
    return (xy - xy.mean(1, keepdims=True)) / xy.std()


def collect(n, rng):
    labels = rng.integers(0, len(NAMES), n)
    strokes = np.stack([stroke(NAMES[k], rng) for k in labels])
    return torch.tensor(strokes, dtype=torch.float32), torch.tensor(labels)


class Callback:
    def on_fit_begin(self, loop): ...
    def on_epoch_begin(self, loop): ...
    def on_batch_begin(self, loop): ...
    def on_batch_end(self, loop): ...
    def on_epoch_end(self, loop): ...


class Gradients(Callback):
    """Clears what the last backward pass left behind."""

    def on_epoch_begin(self, loop):
        loop.optimizer.zero_grad()


class History(Callback):
    def on_fit_begin(self, loop):
        self.rows = []

    def on_epoch_begin(self, loop):
        self.losses = []

    def on_batch_end(self, loop):
        self.losses.append(loop.loss.item())

    def on_epoch_end(self, loop):
        self.rows.append((float(np.mean(self.losses)), loop.validate()))


class Progress(Callback):
    def __init__(self, history, every=2):
        self.history, self.every = history, every

    def on_epoch_end(self, loop):
        if (loop.epoch + 1) % self.every == 0:
            loss, accuracy = self.history.rows[-1]
            print(f"epoch {loop.epoch + 1:2d}  loss {loss:.4f}  accuracy {accuracy:.4f}")


class Loop:
    def __init__(self, model, optimizer, callbacks, validation):
        self.model, self.optimizer = model, optimizer
        self.callbacks, self.validation = callbacks, validation

    def emit(self, event):
        for callback in self.callbacks:
            getattr(callback, event)(self)

    def validate(self):
        self.model.eval()
        x, y = self.validation
        with torch.no_grad():
            return (self.model(x).argmax(1) == y).float().mean().item()

    def fit(self, x, y, epochs, batch):
        self.emit("on_fit_begin")
        for self.epoch in range(epochs):
            self.model.train()
            self.emit("on_epoch_begin")
            for rows in torch.randperm(len(x)).split(batch):
                self.emit("on_batch_begin")
                self.loss = nn.functional.cross_entropy(self.model(x[rows]), y[rows])
                self.loss.backward()
                self.optimizer.step()
                self.emit("on_batch_end")
            self.emit("on_epoch_end")


rng = np.random.default_rng(SEED)
train, test = collect(1280, rng), collect(400, rng)
model = nn.Sequential(
    nn.Conv1d(2, 16, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2),
    nn.Flatten(), nn.Linear(32 * POINTS // 4, 64), nn.ReLU(), nn.Linear(64, len(NAMES)),
)
history = History()
loop = Loop(model, torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9),
            [Gradients(), history, Progress(history)], test)
loop.fit(*train, epochs=14, batch=32)
print(f"RESULT test_accuracy {history.rows[-1][1]:.4f}")

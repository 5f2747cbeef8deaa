"""Faults of an induction motor from 64 samples of its phase current."""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

STATES = ["healthy", "rotor bar", "bearing", "eccentric", "stator", "coupling"]
CYCLES = [3.0, 5.0, 7.0, 9.0, 11.0, 13.0]


def measure(n, gen):
    state = torch.randint(0, len(STATES), (n,), generator=gen)
    t = torch.arange(64) / 64.0
    cycles = torch.tensor(CYCLES)[state].unsqueeze(1)
    phase = 2 * math.pi * torch.rand(n, 1, generator=gen)
    size = 0.8 + 0.4 * torch.rand(n, 1, generator=gen)
    current = size * torch.sin(2 * math.pi * cycles * t + phase)
    current = current + 0.5 * torch.randn(n, 64, generator=gen)
    return current.unsqueeze(1), state


class CurrentNet(nn.Module):
    def __init__(self, channels=(16, 16, 16), drop=(0.4, 0.4, 0.5), kernel=7):
        super().__init__()
        self.convs = nn.ModuleList()
        n_in = 1
        for n_out in channels:
            self.convs.append(nn.Conv1d(n_in, n_out, kernel, padding=kernel // 2))
            n_in = n_out
        self.drops = nn.ModuleList([nn.Dropout1d(p) for p in drop])
        self.fc = nn.Linear(n_in, len(STATES))

    def forward(self, x):
        last = len(self.convs) - 1
        for i, (conv, drop) in enumerate(zip(self.convs, self.drops)):
            x = drop(F.relu(conv(x)))
            if i < last:
                x = F.max_pool1d(x, 2)
        return self.fc(x.mean(dim=2))


class Callback:
    def on_epoch_end(self, epoch, logs):
        pass


class Printer(Callback):
    def __init__(self, every):
        self.every = every

    def on_epoch_end(self, epoch, logs):
        if (epoch + 1) % self.every == 0:
            print(f"epoch {epoch + 1:2d} " + " ".join(f"{k} {v:.4f}" for k, v in logs.items()))


class History(Callback):
    def __init__(self):
        self.rows = []

    def on_epoch_end(self, epoch, logs):
        self.rows.append(dict(logs))


def fit(model, train_loader, valid_loader, epochs, callbacks):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(epochs):
        model.train()
        losses = []
        for x, y in train_loader:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        logs = {"loss": sum(losses) / len(losses), "valid_accuracy": accuracy(model, valid_loader)}
        for callback in callbacks:
            callback.on_epoch_end(epoch, logs)


def accuracy(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(dim=1) == y).sum().item()
            total += y.numel()
    return right / total


def main():
    torch.manual_seed(SEED)
    gen = torch.Generator().manual_seed(SEED + 100)
    train = DataLoader(TensorDataset(*measure(1200, gen)), batch_size=40, shuffle=True)
    valid = DataLoader(TensorDataset(*measure(400, gen)), batch_size=100)
    model = CurrentNet()
    history = History()
    fit(model, train, valid, epochs=18, callbacks=[Printer(every=3), history])
    print(f"RESULT valid_accuracy {history.rows[-1]['valid_accuracy']:.4f}")


if __name__ == "__main__":
    main()

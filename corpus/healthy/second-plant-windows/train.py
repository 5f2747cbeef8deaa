import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

CHANNELS, LENGTH = 6, 32
FREQS = torch.tensor([2.0, 3.5, 5.0, 7.0])


class Plant:
    """Windows of six vibration channels in one of four states. Every plant has amplifiers of its own."""

    def __init__(self, gain, offset):
        self.gain, self.offset = gain.view(1, -1, 1), offset.view(1, -1, 1)

    def windows(self, n):
        state = torch.randint(0, len(FREQS), (n,))
        t = torch.arange(LENGTH) / LENGTH
        phase = 6.283 * torch.rand(n, CHANNELS, 1)
        wave = torch.sin(6.283 * FREQS[state].view(n, 1, 1) * t + phase)
        raw = wave + 0.4 * torch.randn(n, CHANNELS, LENGTH)
        return raw * self.gain + self.offset, state


def build():
    return nn.Sequential(
        nn.BatchNorm1d(CHANNELS),
        nn.Conv1d(CHANNELS, 24, 7, padding=3, bias=False), nn.BatchNorm1d(24), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(24, 24, 5, padding=2, bias=False), nn.BatchNorm1d(24), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        nn.Linear(24, len(FREQS)))


def fit(net, x, y, epochs=10, batch=50):
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(epochs):
        net.train()
        running = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            loss = F.cross_entropy(net(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            running += loss.item() * len(idx) / len(x)
        if epoch % 3 == 0:
            print(f"epoch {epoch}: loss {running:.4f}")


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    return (net(x).argmax(1) == y).float().mean().item()


@torch.no_grad()
def recalibrate(net, x, batch=100):
    """Statistics of the norms anew, from unlabelled windows; the weights stay."""
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm1d)]
    usual = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None               # plain average over the batches
    net.train()
    for part in x.split(batch):
        net(part)
    net.eval()
    for m, momentum in zip(norms, usual):
        m.momentum = momentum


first = Plant(torch.ones(CHANNELS), torch.zeros(CHANNELS))
second = Plant(torch.exp(torch.randn(CHANNELS)), 2 * torch.randn(CHANNELS))
x_train, y_train = first.windows(1200)
x_first, y_first = first.windows(400)
x_unlabelled, _ = second.windows(600)
x_second, y_second = second.windows(600)

net = build()
fit(net, x_train, y_train)
print(f"first plant: {accuracy(net, x_first, y_first):.4f}")
print(f"second plant, as it is: {accuracy(net, x_second, y_second):.4f}")
recalibrate(net, x_unlabelled)
print(f"second plant, recalibrated: {accuracy(net, x_second, y_second):.4f}")
print("RESULT accuracy_second_plant", round(accuracy(net, x_second, y_second), 4))

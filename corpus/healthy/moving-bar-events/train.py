"""Which way did the bar move? A spiking classifier for a 32-cell event sensor."""
import os
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class Config:
    sensors: int = 32
    steps: int = 20
    hidden: int = 64
    classes: int = 4
    epochs: int = 12
    batch: int = 64
    lr: float = 5e-3
    target_rate: float = 0.15
    seed: int = int(os.environ.get("SEED", "0"))


class Spike(torch.autograd.Function):
    """Heaviside forwards, fast sigmoid backwards."""

    slope = 5.0

    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v > 0).to(v.dtype)

    @staticmethod
    def backward(ctx, grad_out):
        v, = ctx.saved_tensors
        return grad_out / (1 + Spike.slope * v.abs()) ** 2


class SpikingNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.fc_in = nn.Linear(cfg.sensors, cfg.hidden)
        self.fc_out = nn.Linear(cfg.hidden, cfg.classes)
        self.leak = nn.Parameter(torch.full((cfg.hidden,), 2.0))
        nn.init.normal_(self.fc_in.weight, 0.0, 0.4)
        nn.init.zeros_(self.fc_in.bias)

    def forward(self, events):
        current = self.fc_in(events.transpose(0, 1))          # (T, B, H)
        beta = torch.sigmoid(self.leak)
        v = current.new_zeros(current.shape[1:])
        out = current.new_zeros(current.shape[1], self.cfg.classes)
        rate = 0.0
        for t in range(current.shape[0]):
            v = beta * v + current[t]
            s = Spike.apply(v - 1.0)
            v = v - s.detach()                                # soft reset
            out = 0.85 * out + self.fc_out(s)
            rate = rate + s.mean()
        return out, rate / current.shape[0]


def make_events(n, cfg):
    cls = torch.randint(0, cfg.classes, (n,))
    speed = 0.8 + 0.4 * torch.rand(n, 1)
    u = torch.linspace(-1, 1, cfg.steps)[None] * speed + 0.1 * torch.randn(n, 1)
    half = (u + 1) / 2
    c = cls[:, None]
    # 0: to the right, 1: to the left, 2: out of the middle, 3: into the middle
    first = torch.where(c == 0, u, torch.where(c == 1, -u, torch.where(c == 2, half, 1 - half)))
    second = torch.where(c == 0, u, torch.where(c == 1, -u, torch.where(c == 2, -half, half - 1)))
    cell = torch.linspace(-1, 1, cfg.sensors)
    glow = torch.maximum(torch.exp(-((cell - first[..., None]) / 0.15) ** 2),
                         torch.exp(-((cell - second[..., None]) / 0.15) ** 2))
    return torch.bernoulli(0.02 + 0.7 * glow), cls


def evaluate(net, loader):
    net.eval()
    right = seen = 0
    with torch.no_grad():
        for ev, y in loader:
            out, _ = net(ev)
            right += (out.argmax(1) == y).sum().item()
            seen += len(y)
    return right / seen


def main(cfg):
    torch.manual_seed(cfg.seed)
    train = DataLoader(TensorDataset(*make_events(1280, cfg)), batch_size=cfg.batch, shuffle=True)
    test = DataLoader(TensorDataset(*make_events(500, cfg)), batch_size=250)
    net = SpikingNet(cfg)
    opt = torch.optim.Adam(net.parameters(), lr=cfg.lr)
    for epoch in range(cfg.epochs):
        net.train()
        total = rates = 0.0
        for ev, y in train:
            out, rate = net(ev)
            loss = F.cross_entropy(out, y) + 0.5 * (rate - cfg.target_rate) ** 2
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
            rates += rate.item()
        print(f"epoch {epoch + 1:2d} loss {total / len(train):.4f} spikes/step {rates / len(train):.3f} acc {evaluate(net, test):.4f}")
    print("RESULT test_accuracy", round(evaluate(net, test), 4))


if __name__ == "__main__":
    main(Config())

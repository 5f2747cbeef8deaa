"""Two networks of different kinds teach each other to tell motions of a wrist band apart (deep mutual learning)."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
MOTIONS = ["still", "walking", "stairs", "rowing", "sawing"]


def record(n, rng, steps=40):
    rhythm = np.array([0.3, 2.0, 2.6, 1.2, 4.5])
    strength = np.array([[0.1, 0.1, 0.1], [0.5, 0.3, 1.0], [0.9, 0.4, 0.7], [1.2, 0.9, 0.2], [0.3, 1.3, 0.3]])
    tilt = np.array([[0.0, 0.0, 1.0], [0.3, 0.2, 0.8], [-0.3, 0.4, 0.7], [0.6, -0.5, 0.3], [-0.4, -0.6, 0.4]])
    y = rng.integers(0, len(MOTIONS), n)
    t = np.linspace(0, 1, steps)[None, :, None]
    f = (rhythm[y] * rng.uniform(0.85, 1.15, n))[:, None, None]
    phase = rng.uniform(0, 2 * np.pi, (n, 1, 3))
    x = tilt[y][:, None] + strength[y][:, None] * np.sin(2 * np.pi * f * t + phase)
    x = x + 0.15 * rng.normal(size=(n, 1, 3)) + 0.35 * rng.normal(size=x.shape)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


class RecurrentPeer(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(3, hidden, batch_first=True)
        self.out = nn.Linear(hidden, len(MOTIONS))

    def forward(self, x):
        states, _ = self.gru(x)
        return self.out(states.mean(1))


class ConvolutionalPeer(nn.Module):
    def __init__(self, ch=16):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(3, ch, 5, padding=2), nn.GroupNorm(4, ch), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(ch, 2 * ch, 5, padding=2), nn.GroupNorm(4, 2 * ch), nn.ReLU(),
        )
        self.out = nn.Linear(2 * ch, len(MOTIONS))

    def forward(self, x):
        return self.out(self.body(x.transpose(1, 2)).mean(2))


class MutualTrainer:
    def __init__(self, peers, optimizers):
        self.peers, self.optimizers = peers, optimizers

    def epoch(self, loader, weight):
        for p in self.peers:
            p.train()
        sums = np.zeros((len(self.peers), 2))
        for x, y in loader:
            logits = [p(x) for p in self.peers]
            fixed = [F.softmax(z.detach(), dim=1) for z in logits]
            for i, (peer, opt) in enumerate(zip(self.peers, self.optimizers)):
                own = F.cross_entropy(logits[i], y)
                other = F.kl_div(F.log_softmax(logits[i], dim=1), fixed[1 - i], reduction="batchmean")
                opt.zero_grad()
                (own + weight * other).backward()
                nn.utils.clip_grad_norm_(peer.parameters(), 2.0)
                opt.step()
                sums[i] += [own.item(), other.item()]
        return sums / len(loader)

    @torch.no_grad()
    def evaluate(self, loader):
        for p in self.peers:
            p.eval()
        right, both, n = [0, 0], 0, 0
        for x, y in loader:
            probs = [F.softmax(p(x), dim=1) for p in self.peers]
            for i, q in enumerate(probs):
                right[i] += (q.argmax(1) == y).sum().item()
            both += ((probs[0] + probs[1]).argmax(1) == y).sum().item()
            n += len(y)
        return right[0] / n, right[1] / n, both / n


def main(epochs=16):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    x, y = record(960, rng)
    x_test, y_test = record(600, rng)
    mean, std = x.mean((0, 1)), x.std((0, 1))
    train = DataLoader(TensorDataset((x - mean) / std, y), batch_size=64, shuffle=True)
    test = DataLoader(TensorDataset((x_test - mean) / std, y_test), batch_size=300)

    rec, conv = RecurrentPeer(), ConvolutionalPeer()
    trainer = MutualTrainer(
        [rec, conv],
        [torch.optim.Adam(rec.parameters(), lr=5e-3), torch.optim.SGD(conv.parameters(), lr=0.05, momentum=0.9, nesterov=True)],
    )
    for e in range(epochs):
        losses = trainer.epoch(train, weight=min(1.0, e / 5))
        a, b, both = trainer.evaluate(test)
        print(
            f"[{e + 1:02d}] recurrent ce {losses[0, 0]:.3f} kl {losses[0, 1]:.3f} acc {a:.3f} | "
            f"conv ce {losses[1, 0]:.3f} kl {losses[1, 1]:.3f} acc {b:.3f} | together {both:.3f}"
        )
    print("RESULT mean_peer_accuracy", round((a + b) / 2, 4))


main()

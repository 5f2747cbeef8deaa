"""Equaliser of a distorted four-level line: a fixed random reservoir and a trained read-out.

The reservoir goes into the front end as it is drawn; only the read-out can be reloaded in the field.
"""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

TAPS = [0.08, -0.12, 1.0, 0.18, -0.1, 0.091, -0.05, 0.04, 0.03, 0.01]   # d(n+2) ... d(n-7)
LEVELS = np.array([-3.0, -1.0, 1.0, 3.0])
DELAY, WASHOUT, BURST = 2, 10, 50


class Line:
    """Bursts of symbols and what arrives of them."""

    def __init__(self, seed, noise=0.1):
        self.rng = np.random.default_rng(seed)
        self.noise = noise

    def bursts(self, n):
        sym = self.rng.integers(0, 4, size=(n, BURST + 9))
        d = LEVELS[sym]
        q = sum(t * d[:, 9 - k:9 - k + BURST] for k, t in enumerate(TAPS))
        u = q + 0.036 * q ** 2 - 0.011 * q ** 3 + self.rng.normal(0, self.noise, q.shape)
        target = sym[:, 7 - DELAY:7 - DELAY + BURST]
        return torch.tensor(u / 3.0, dtype=torch.float32).unsqueeze(2), torch.tensor(target)


class Equaliser(nn.Module):
    def __init__(self, size=120, radius=0.8, density=0.15):
        super().__init__()
        self.reservoir = nn.RNN(1, size, batch_first=True)
        with torch.no_grad():
            w = torch.randn(size, size) * (torch.rand(size, size) < density)
            w *= radius / torch.linalg.eigvals(w).abs().max()
            self.reservoir.weight_hh_l0.copy_(w)
            self.reservoir.weight_ih_l0.uniform_(-0.3, 0.3)
            self.reservoir.bias_ih_l0.uniform_(-0.1, 0.1)
            self.reservoir.bias_hh_l0.zero_()
        for p in self.reservoir.parameters():
            p.requires_grad_(False)
        self.norm = nn.BatchNorm1d(size + 1, affine=False)
        self.readout = nn.Sequential(nn.Linear(size + 1, 48), nn.ReLU(), nn.Linear(48, 4))

    def forward(self, u):
        with torch.no_grad():
            states, _ = self.reservoir(u)
        feats = torch.cat([states, u], dim=2)[:, WASHOUT:]
        return self.readout(self.norm(feats.reshape(-1, feats.shape[2])))


class Trainer:
    def __init__(self, model, line, steps=400, bursts=24):
        self.model, self.line, self.steps, self.bursts = model, line, steps, bursts
        self.opt = torch.optim.Adam(model.readout.parameters(), lr=4e-3)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, steps, eta_min=2e-4)

    def step(self):
        u, target = self.line.bursts(self.bursts)
        loss = F.cross_entropy(self.model(u), target[:, WASHOUT:].reshape(-1))
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        self.sched.step()
        return loss.item()

    def run(self):
        self.model.train()
        recent = []
        for i in range(self.steps):
            recent.append(self.step())
            if (i + 1) % 100 == 0:
                print(f"step {i + 1}: loss {np.mean(recent[-100:]):.4f}")

    @torch.no_grad()
    def symbol_accuracy(self, u, target):
        self.model.eval()
        pred = self.model(u).argmax(1)
        return (pred == target[:, WASHOUT:].reshape(-1)).float().mean().item()


def slicer_accuracy(u, target):
    """What the old receiver does: round the sample two steps back to the nearest level."""
    back = u[:, WASHOUT - DELAY:BURST - DELAY, 0] * 3.0
    pred = ((back + 4.0) / 2.0).floor().clamp(0, 3).long()
    return (pred == target[:, WASHOUT:]).float().mean().item()


if __name__ == "__main__":
    trainer = Trainer(Equaliser(), Line(seed))
    test_u, test_target = Line(seed + 10_000).bursts(150)
    trainer.run()
    print(f"slicer alone: {slicer_accuracy(test_u, test_target):.4f}")
    print("RESULT symbol_accuracy", round(trainer.symbol_accuracy(test_u, test_target), 4))

"""Which phase does an alloy form? Highway network on composition and process variables."""
import os
from dataclasses import dataclass, field

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


@dataclass
class ModelConfig:
    n_in: int = 6
    width: int = 32
    depth: int = 4
    n_phases: int = 4
    gate_bias: float = -1.0


@dataclass
class TrainConfig:
    lr: float = 0.08
    momentum: float = 0.9
    batch_size: int = 64
    epochs: int = 18
    n_train: int = 4000
    n_test: int = 1000
    seed: int = int(os.environ.get("SEED", "0"))
    model: ModelConfig = field(default_factory=ModelConfig)


def alloys(n):
    """Six standardised variables; the phase depends on the distance from the eutectic and on two interacting elements."""
    x = torch.randn(n, 6)
    far = x[:, 0] ** 2 + x[:, 1] ** 2 + 0.2 * x[:, 4] > 1.4
    together = x[:, 2] * x[:, 3] > 0
    return x, 2 * far.long() + together.long()


class HighwayLayer(nn.Module):
    def __init__(self, width, gate_bias):
        super().__init__()
        self.transform = nn.Linear(width, width)
        self.gate = nn.Linear(width, width)
        nn.init.constant_(self.gate.bias, gate_bias)

    def forward(self, x):
        t = torch.sigmoid(self.gate(x))
        return t * F.relu(self.transform(x)) + (1 - t) * x


class PhaseNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.project = nn.Linear(cfg.n_in, cfg.width)
        self.layers = nn.ModuleList(HighwayLayer(cfg.width, cfg.gate_bias) for _ in range(cfg.depth))
        self.classify = nn.Linear(cfg.width, cfg.n_phases)

    def forward(self, x):
        h = self.project(x)
        for layer in self.layers:
            h = layer(h)
        return self.classify(h)


class Run:
    def __init__(self, cfg):
        self.cfg = cfg
        torch.manual_seed(cfg.seed)
        self.x_train, self.y_train = alloys(cfg.n_train)
        self.x_test, self.y_test = alloys(cfg.n_test)
        self.net = PhaseNet(cfg.model)
        self.opt = torch.optim.SGD(self.net.parameters(), lr=cfg.lr, momentum=cfg.momentum)
        self.sched = torch.optim.lr_scheduler.MultiStepLR(self.opt, milestones=[13, 16], gamma=0.3)

    def epoch(self):
        self.net.train()
        total = 0.0
        for idx in torch.randperm(self.cfg.n_train).split(self.cfg.batch_size):
            loss = F.cross_entropy(self.net(self.x_train[idx]), self.y_train[idx])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            total += loss.item() * len(idx)
        self.sched.step()
        return total / self.cfg.n_train

    @torch.no_grad()
    def score(self):
        self.net.eval()
        return (self.net(self.x_test).argmax(1) == self.y_test).float().mean().item()

    def __call__(self):
        for e in range(self.cfg.epochs):
            loss, acc = self.epoch(), self.score()
            print(f"epoch {e + 1:2d}: cross-entropy {loss:.4f} test accuracy {acc:.4f}")
        return acc


if __name__ == "__main__":
    print(f"RESULT test_accuracy {Run(TrainConfig())():.4f}")

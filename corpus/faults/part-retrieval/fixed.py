"""Find the catalogue entry of a part from its drawing: two towers trained with in-batch negatives."""
import os
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


@dataclass
class Config:
    drawing_dim: int = 32
    entry_dim: int = 48
    hidden: int = 128
    neck: int = 64
    out: int = 64
    temperature: float = 0.07
    batch: int = 128
    epochs: int = 20
    lr: float = 2e-3
    seed: int = int(os.environ.get("SEED", 0))


class Catalogue:
    """Pairs of drawing features and entry features of the same part."""

    def __init__(self, cfg, n_train=4000, n_test=400):
        g = torch.Generator().manual_seed(cfg.seed)
        n = n_train + n_test
        shape = torch.randn(n, 10, generator=g)
        mix_a = torch.randn(10, cfg.drawing_dim, generator=g) / 10 ** 0.5
        mix_b = torch.randn(10, cfg.entry_dim, generator=g) / 10 ** 0.5
        drawings = torch.tanh(shape @ mix_a) + 0.1 * torch.randn(n, cfg.drawing_dim, generator=g)
        entries = torch.tanh(shape @ mix_b) + 0.1 * torch.randn(n, cfg.entry_dim, generator=g)
        self.train = self._scale(drawings[:n_train], entries[:n_train])
        self.test = self._scale(drawings[n_train:], entries[n_train:])

    def _scale(self, drawings, entries):
        if not hasattr(self, "moments"):
            self.moments = [(v.mean(0), v.std(0)) for v in (drawings, entries)]
        return tuple((v - m) / s for v, (m, s) in zip((drawings, entries), self.moments))


class Tower(nn.Module):
    def __init__(self, n_in, cfg):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(n_in, cfg.hidden), nn.GELU(),
            nn.Linear(cfg.hidden, cfg.neck), nn.GELU(),
            nn.Linear(cfg.neck, cfg.out),
        )

    def forward(self, x):
        return F.normalize(self.net(x), dim=1)


class Trainer:
    def __init__(self, cfg):
        self.cfg = cfg
        torch.manual_seed(cfg.seed)
        self.data = Catalogue(cfg)
        self.left = Tower(cfg.drawing_dim, cfg)
        self.right = Tower(cfg.entry_dim, cfg)
        weights = list(self.left.parameters()) + list(self.right.parameters())
        self.opt = torch.optim.Adam(weights, lr=cfg.lr)

    def contrast(self, drawings, entries):
        logits = self.left(drawings) @ self.right(entries).T / self.cfg.temperature
        target = torch.arange(len(logits))
        return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))

    def epoch(self):
        self.left.train(), self.right.train()
        drawings, entries = self.data.train
        losses = []
        for rows in torch.randperm(len(drawings)).split(self.cfg.batch):
            loss = self.contrast(drawings[rows], entries[rows])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    @torch.no_grad()
    def recall(self, k):
        self.left.eval(), self.right.eval()
        drawings, entries = self.data.test
        similarity = self.left(drawings) @ self.right(entries).T
        top = similarity.topk(k, dim=1).indices
        return (top == torch.arange(len(top))[:, None]).any(1).float().mean().item()

    def fit(self):
        for e in range(self.cfg.epochs):
            loss = self.epoch()
            if e % 2 == 1:
                print(f"epoch {e + 1:2d}: loss {loss:.4f}  recall@1 {self.recall(1):.4f}  recall@5 {self.recall(5):.4f}")
        return self.recall(1)


if __name__ == "__main__":
    print(f"RESULT recall_at_1 {Trainer(Config()).fit():.4f}")

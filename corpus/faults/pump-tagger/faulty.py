import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


@dataclass
class Config:
    seq_len: int = 30
    channels: int = 4
    hidden: int = 24
    epochs: int = 12
    batch: int = 50
    lr: float = 1e-2
    seed: int = int(os.environ.get("SEED", 0))


def simulate(n, cfg, rng):
    """Pump telemetry; label 1 marks short leaks, label 2 marks cavitation."""
    x = rng.normal(0, 1, (n, cfg.seq_len, cfg.channels)).astype(np.float32)
    y = np.zeros((n, cfg.seq_len), dtype=np.int64)
    for i in range(n):
        for kind in (1, 2):
            if rng.random() < 0.3:
                start = rng.integers(0, cfg.seq_len - 4)
                span = slice(start, start + rng.integers(2, 5))
                y[i, span] = kind
                x[i, span, kind - 1] += 1.1
                x[i, span, kind + 1] -= 0.8
    return torch.from_numpy(x), torch.from_numpy(y)


class Tagger(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.rnn = nn.GRU(cfg.channels, cfg.hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * cfg.hidden, 3)

    def forward(self, x):
        h, _ = self.rnn(x)
        return self.out(h)


def macro_recall(model, x, y):
    model.eval()
    with torch.no_grad():
        pred = model(x).argmax(-1)
    return np.mean([(pred[y == k] == k).float().mean().item() for k in range(3)]), (pred == y).float().mean().item()


def main():
    cfg = Config()
    torch.manual_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    x_train, y_train = simulate(400, cfg, rng)
    x_test, y_test = simulate(200, cfg, rng)
    weight = torch.ones(3)
    model = Tagger(cfg)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)

    for epoch in range(cfg.epochs):
        model.train()
        losses = []
        for idx in torch.randperm(len(x_train)).split(cfg.batch):
            logits = model(x_train[idx])
            loss = F.cross_entropy(logits.reshape(-1, 3), y_train[idx].reshape(-1), weight=weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        recall, acc = macro_recall(model, x_test, y_test)
        print(f"[{epoch + 1:02d}] loss {np.mean(losses):.4f} acc {acc:.4f} macro recall {recall:.4f}")

    print(f"RESULT macro_recall {recall:.4f}")


main()

import os
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


@dataclass
class Settings:
    bins: int = 12
    widths: list = field(default_factory=lambda: [48, 48])
    dropout: float = 0.1
    lr: float = 3e-3
    weight_decay: float = 1e-3
    batch: int = 80
    epochs: int = 25
    patience: int = 6


def service_book(n, rng):
    """Pumps: eight readings, hours to failure, and whether the failure was seen before the book was closed."""
    x = rng.normal(size=(n, 8))
    risk = 0.9 * x[:, 0] + 0.7 * (x[:, 1] ** 2 - 1) - 0.6 * x[:, 2] * x[:, 3] + 0.5 * np.tanh(2 * x[:, 4])
    shape = 1.8
    failure = 1000 * np.exp(-risk / shape) * rng.exponential(size=n) ** (1 / shape)
    closed = rng.uniform(300, 3500, n)
    hours, seen = np.minimum(failure, closed), failure <= closed
    readings = np.array([60, 3.0, 45, 1500, 7, 12, 0.4, 220]) + np.array([8, 0.5, 10, 200, 2, 3, 0.1, 15]) * x
    return readings, hours, seen


class LifeTable:
    """Turns times into bins, and bins into what the loss needs."""

    def __init__(self, hours, seen, bins):
        self.edges = np.quantile(hours[seen], np.linspace(0, 1, bins + 1)[1:-1])

    def __call__(self, hours, seen):
        at = torch.tensor(np.searchsorted(self.edges, hours))
        bins = torch.arange(len(self.edges) + 1)
        lived = (bins < at.unsqueeze(1)).float()
        fails = (bins == at.unsqueeze(1)).float() * torch.tensor(seen, dtype=torch.float32).unsqueeze(1)
        return lived + fails, fails       # bins under observation, bins with a failure


def hazard_loss(logits, observed, fails):
    each = F.binary_cross_entropy_with_logits(logits, fails, reduction="none")
    return (each * observed).sum() / len(logits)


def concordance(score, hours, seen):
    """Share of comparable pairs in which the pump with the lower score fails first."""
    earlier = (hours[:, None] < hours[None, :]) & seen[:, None]
    lower = (score[:, None] < score[None, :]) + 0.5 * (score[:, None] == score[None, :])
    return float((earlier * lower).sum() / earlier.sum())


def build(n_in, s):
    layers = []
    for width in s.widths:
        layers += [nn.Linear(n_in, width), nn.ReLU(), nn.Dropout(s.dropout)]
        n_in = width
    return nn.Sequential(*layers, nn.Linear(n_in, s.bins))


@torch.no_grad()
def expected_bins(model, x):
    model.eval()
    return torch.cumprod(1 - torch.sigmoid(model(x)), 1).sum(1).numpy()


def main(s=Settings()):
    rng = np.random.default_rng(SEED)
    readings, hours, seen = service_book(3000, rng)
    tr, va, te = slice(0, 2000), slice(2000, 2500), slice(2500, 3000)
    x = torch.tensor((readings - readings[tr].mean(0)) / readings[tr].std(0), dtype=torch.float32)
    table = LifeTable(hours[tr], seen[tr], s.bins)
    observed, fails = table(hours, seen)
    print(f"failures seen {seen.mean():.3f}")

    model = build(x.shape[1], s)
    optimizer = torch.optim.AdamW(model.parameters(), lr=s.lr, weight_decay=s.weight_decay)
    best, best_state, waited = float("inf"), None, 0
    for epoch in range(1, s.epochs + 1):
        model.train()
        total = 0.0
        for idx in torch.randperm(2000).split(s.batch):
            loss = hazard_loss(model(x[idx]), observed[idx], fails[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            held_out = hazard_loss(model(x[va]), observed[va], fails[va]).item()
        c = concordance(expected_bins(model, x[va]), hours[va], seen[va])
        print(f"epoch {epoch} loss {total / 2000:.4f} validation {held_out:.4f} concordance {c:.4f}")
        if held_out < best:
            best, best_state, waited = held_out, {k: v.clone() for k, v in model.state_dict().items()}, 0
        else:
            waited += 1
            if waited == s.patience:
                break
    model.load_state_dict(best_state)
    print("RESULT concordance", round(concordance(expected_bins(model, x[te]), hours[te], seen[te]), 4))


main()

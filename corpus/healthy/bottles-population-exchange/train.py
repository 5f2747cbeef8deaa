import copy
import math
import os
import random
from dataclasses import dataclass, field

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)


@dataclass
class Settings:
    seed: int = int(os.environ.get("SEED", "0"))
    population: int = 6
    rounds: int = 14
    replaced: int = 2
    batch: int = 64
    hidden: int = 48
    lr_low: float = 5e-4
    lr_high: float = 1e-2


@dataclass
class Member:
    ident: int
    net: nn.Module
    optimizer: torch.optim.Optimizer
    score: float = 0.0
    lineage: list = field(default_factory=list)

    @property
    def hyper(self):
        g = self.optimizer.param_groups[0]
        return g["lr"], g["weight_decay"]

    def set_hyper(self, lr, wd):
        for g in self.optimizer.param_groups:
            g["lr"], g["weight_decay"] = lr, wd


def load(cfg):
    """Glass bottles on a sorting line: twenty-four readings, four colours."""
    X, y = make_classification(
        n_samples=3200, n_features=24, n_informative=10, n_redundant=4, n_classes=4, n_clusters_per_class=1,
        class_sep=1.6, flip_y=0.01, random_state=cfg.seed,
    )
    X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=800, stratify=y, random_state=cfg.seed)
    X_train, X_val, y_train, y_val = train_test_split(X_rest, y_rest, test_size=600, stratify=y_rest, random_state=cfg.seed)
    scaler = StandardScaler().fit(X_train)

    def pack(a, b):
        return torch.tensor(scaler.transform(a), dtype=torch.float32), torch.tensor(b, dtype=torch.long)

    return pack(X_train, y_train), pack(X_val, y_val), pack(X_test, y_test)


def make_member(i, cfg, n_in):
    net = nn.Sequential(
        nn.Linear(n_in, cfg.hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(cfg.hidden, cfg.hidden), nn.ReLU(), nn.Linear(cfg.hidden, 4)
    )
    lr = math.exp(random.uniform(math.log(cfg.lr_low), math.log(cfg.lr_high)))
    wd = 10 ** random.uniform(-5, -3)
    return Member(i, net, torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=wd))


def train_round(member, data, batch):
    X, y = data
    member.net.train()
    total = 0.0
    for idx in torch.randperm(len(X)).split(batch):
        member.optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(member.net(X[idx]), y[idx])
        loss.backward()
        member.optimizer.step()
        total += loss.item() * len(idx)
    return total / len(X)


@torch.no_grad()
def accuracy(net, data):
    net.eval()
    return (net(data[0]).argmax(1) == data[1]).float().mean().item()


def exploit_and_explore(population, cfg):
    ranked = sorted(population, key=lambda m: m.score, reverse=True)
    for loser in ranked[-cfg.replaced:]:
        winner = random.choice(ranked[:cfg.replaced])
        # weights and the moments of the optimizer move together
        loser.net.load_state_dict(winner.net.state_dict())
        loser.optimizer.load_state_dict(copy.deepcopy(winner.optimizer.state_dict()))
        lr, wd = winner.hyper
        lr = min(max(lr * random.choice([0.7, 1.4]), 2e-4), cfg.lr_high)
        loser.set_hyper(lr, wd * random.choice([0.5, 2.0]))
        loser.lineage.append(winner.ident)


def main():
    cfg = Settings()
    random.seed(cfg.seed)
    np.random.seed(cfg.seed)
    torch.manual_seed(cfg.seed)
    train, val, test = load(cfg)
    population = [make_member(i, cfg, train[0].shape[1]) for i in range(cfg.population)]

    for rnd in range(cfg.rounds):
        losses = []
        for m in population:
            losses.append(train_round(m, train, cfg.batch))
            m.score = accuracy(m.net, val)
        best = max(population, key=lambda m: m.score)
        print(
            f"round {rnd + 1:2d}: losses {min(losses):.3f}..{max(losses):.3f}, validation {best.score:.4f} "
            f"by {best.ident} (lr {best.hyper[0]:.4f})"
        )
        if rnd < cfg.rounds - 2:
            exploit_and_explore(population, cfg)

    best = max(population, key=lambda m: m.score)
    print("winner", best.ident, "took weights from", best.lineage or "nobody")
    print("RESULT test_accuracy", round(accuracy(best.net, test), 4))


if __name__ == "__main__":
    main()

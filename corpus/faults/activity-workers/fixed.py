"""Activity recognition trained by four workers that pool their weights every few steps.

Each worker sees its own share of the recordings; what is shipped is the mean of the workers.
"""
import copy
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)


@dataclass
class Plan:
    workers: int = 4
    features: int = 24
    activities: int = 6
    hidden: int = 64
    pool_every: int = 6
    batch: int = 32
    rounds: int = 18
    lr: float = 0.08
    momentum: float = 0.9
    seed: int = int(os.environ.get("SEED", "0"))


class Worker:
    def __init__(self, rank, plan, x, y):
        torch.manual_seed(1000 * plan.seed + rank)
        self.rank, self.plan, self.x, self.y = rank, plan, x, y
        self.model = nn.Sequential(
            nn.Linear(plan.features, plan.hidden), nn.ReLU(),
            nn.Linear(plan.hidden, plan.hidden), nn.ReLU(),
            nn.Linear(plan.hidden, plan.hidden), nn.ReLU(),
            nn.Linear(plan.hidden, plan.activities),
        )
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=plan.lr, momentum=plan.momentum)
        self.queue = []

    def step(self):
        if not self.queue:
            self.queue = list(torch.randperm(len(self.x)).split(self.plan.batch))
        rows = self.queue.pop()
        self.model.train()
        loss = nn.functional.cross_entropy(self.model(self.x[rows]), self.y[rows])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


@torch.no_grad()
def assign(model, values):
    """Overwrites the weights of a model."""
    for weight, value in zip(model.parameters(), values):
        weight.copy_(value)


@torch.no_grad()
def pooled(workers):
    """Mean of every weight over the workers."""
    groups = zip(*(w.model.parameters() for w in workers))
    return [torch.stack([p.detach() for p in group]).mean(0) for group in groups]


@torch.no_grad()
def ship(workers):
    """The network that leaves the cluster."""
    final = copy.deepcopy(workers[0].model).eval()
    state = zip(final.state_dict().keys(), pooled(workers))
    final.load_state_dict(dict(state))
    return final


def recordings(n, centres, rng):
    """Every activity is done in two different ways."""
    way = rng.integers(0, len(centres), n)
    x = centres[way] + rng.standard_normal((n, centres.shape[1]))
    return x, way // 2


def main(plan):
    rng = np.random.default_rng(plan.seed)
    centres = 1.1 * rng.standard_normal((2 * plan.activities, plan.features))
    x, y = recordings(2400, centres, rng)
    mean, std = x.mean(0), x.std(0)
    x_new, y_new = recordings(600, centres, rng)
    to_float = lambda a: torch.tensor((a - mean) / std, dtype=torch.float32)
    x, y, x_new, y_new = to_float(x), torch.tensor(y), to_float(x_new), torch.tensor(y_new)

    shares = zip(x.chunk(plan.workers), y.chunk(plan.workers))
    workers = [Worker(rank, plan, *share) for rank, share in enumerate(shares)]
    first = [p.detach().clone() for p in workers[0].model.parameters()]
    for worker in workers:
        assign(worker.model, first)

    for round_ in range(1, plan.rounds + 1):
        losses = []
        for _ in range(3):
            for _ in range(plan.pool_every):
                losses += [worker.step() for worker in workers]
            mean_weights = pooled(workers)
            for worker in workers:
                assign(worker.model, mean_weights)
        final = ship(workers)
        with torch.no_grad():
            accuracy = (final(x_new).argmax(1) == y_new).float().mean().item()
        print(f"round {round_:2d}: loss at the workers {np.mean(losses):.4f}, shipped network {accuracy:.4f}")
    print(f"RESULT shipped_accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main(Plan())

import itertools
import os

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

STRIPS = 4


class JigsawSource:
    """Digits cut into four horizontal strips of two rows; the strips come in random order."""

    def __init__(self, images):
        flat = torch.tensor(images / 16.0, dtype=torch.float32) - 0.3
        self.strips = flat.reshape(len(images), STRIPS, 16)

    def __len__(self):
        return len(self.strips)

    def shuffled(self, idx):
        strips = self.strips[idx]
        order = torch.rand(len(strips), STRIPS).argsort(dim=1)
        # slot i now holds the strip that belongs at place order[:, i]
        return strips.gather(1, order[:, :, None].expand(-1, -1, 16)), order


class SetLayer(nn.Module):
    """Same map for each strip, plus what the strips say together (permutation equivariant)."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.own = nn.Linear(n_in, n_out)
        self.all = nn.Linear(n_in, n_out, bias=False)

    def forward(self, x):
        return self.own(x) + self.all(x.mean(dim=1, keepdim=True))


def sinkhorn(scores, rounds=6):
    """Log of a (nearly) doubly stochastic matrix: normalise columns and rows in turn, rows last."""
    for _ in range(rounds):
        scores = F.log_softmax(scores, dim=1)
        scores = F.log_softmax(scores, dim=2)
    return scores


class Assembler(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.layers = nn.ModuleList([SetLayer(16, width), SetLayer(width, width), SetLayer(width, width)])
        self.place = nn.Linear(width, STRIPS)

    def forward(self, strips):
        h = strips
        for layer in self.layers:
            h = F.relu(layer(h))
        return sinkhorn(self.place(h))


class Trainer:
    def __init__(self, model, train, test, batch=128, steps=1200, lr=3e-3):
        self.model, self.train_set, self.test_set = model, train, test
        self.batch, self.steps = batch, steps
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-3)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, max_lr=lr, total_steps=steps)
        self.all_orders = torch.tensor(list(itertools.permutations(range(STRIPS))))

    def batches(self):
        while True:
            yield from (idx for idx in torch.randperm(len(self.train_set)).split(self.batch))

    def loss(self, log_place, order):
        return F.nll_loss(log_place.reshape(-1, STRIPS), order.reshape(-1))

    def run(self):
        stream, recent = self.batches(), []
        for step in range(1, self.steps + 1):
            self.model.train()
            strips, order = self.train_set.shuffled(next(stream))
            loss = self.loss(self.model(strips), order)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            recent.append(loss.item())
            if step % 100 == 0:
                print(f"step {step}: loss {np.mean(recent[-100:]):.4f}, strips in place {self.evaluate():.4f}")

    @torch.no_grad()
    def evaluate(self, rounds=1):
        self.model.eval()
        hits = []
        for _ in range(rounds):
            strips, order = self.test_set.shuffled(torch.arange(len(self.test_set)))
            log_place = self.model(strips)
            totals = log_place[:, torch.arange(STRIPS), self.all_orders].sum(-1)  # (N, 24)
            best = self.all_orders[totals.argmax(dim=1)]
            hits.append((best == order).float().mean().item())
        return float(np.mean(hits))


if __name__ == "__main__":
    torch.manual_seed(SEED)
    train_images, test_images = train_test_split(load_digits().images, test_size=0.2, random_state=SEED)
    trainer = Trainer(Assembler(), JigsawSource(train_images), JigsawSource(test_images))
    print(f"by chance {1 / STRIPS:.2f} of the strips are in place")
    trainer.run()
    print("RESULT strips_in_place", round(trainer.evaluate(rounds=5), 4))

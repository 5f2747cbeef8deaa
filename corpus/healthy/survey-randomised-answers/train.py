"""A survey on a delicate question with three answers, asked by randomised response.

Each respondent rolls a die behind the screen and with a known probability gives a random answer, so nobody's own answer is on
file. The net learns the true answers' probabilities through the known chances of the die. A small panel answered openly
and serves as the test.
"""
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

HONEST = 0.6          # else: one of the three at random
CHOICES = 3


class Population:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def draw(self, n):
        x = self.rng.normal(size=(n, 8))
        u = np.stack([
            1.2 * x[:, 0] - x[:, 1] + 0.8 * x[:, 2] * x[:, 3],
            -1.1 * x[:, 0] + 0.9 * x[:, 4] + x[:, 5],
            1.0 * x[:, 1] - 0.8 * x[:, 5] + 0.7 * (x[:, 6] ** 2 - 1),
        ], axis=1)
        truth = (u + 0.3 * self.rng.gumbel(size=u.shape)).argmax(1)
        return torch.tensor(x, dtype=torch.float32), torch.tensor(truth)

    def roll(self, truth):
        n = len(truth)
        honest = torch.tensor(self.rng.random(n) < HONEST)
        die = torch.tensor(self.rng.integers(0, CHOICES, n))
        return torch.where(honest, truth, die)


class RandomisedResponseLoss(nn.Module):
    def __init__(self):
        super().__init__()
        t = torch.full((CHOICES, CHOICES), (1 - HONEST) / CHOICES) + HONEST * torch.eye(CHOICES)
        self.register_buffer("given_truth", t)      # [true, reported]
        self.nll = nn.NLLLoss()

    def forward(self, logits, reported):
        p_reported = logits.softmax(dim=1) @ self.given_truth
        return self.nll(p_reported.log(), reported)


class Trainer:
    def __init__(self, model, loss_fn, lr=3e-3, epochs=14, batch=128):
        self.model, self.loss_fn, self.epochs, self.batch = model, loss_fn, epochs, batch
        self.opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-2)
        self.history = []

    def fit(self, x, reported):
        sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, self.epochs)
        for epoch in range(self.epochs):
            self.model.train()
            total = 0.0
            for idx in torch.randperm(len(x)).split(self.batch):
                self.opt.zero_grad()
                loss = self.loss_fn(self.model(x[idx]), reported[idx])
                loss.backward()
                self.opt.step()
                total += loss.item() * len(idx)
            sched.step()
            self.history.append(total / len(x))
        return self

    @torch.no_grad()
    def answers(self, x):
        self.model.eval()
        return self.model(x).softmax(1)


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    people = Population(seed)
    x, truth = people.draw(8000)
    reported = people.roll(truth)
    print(f"reported answers that are true ones: {(reported == truth).float().mean():.3f}")
    x_panel, truth_panel = people.draw(1500)

    net = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, CHOICES))
    trainer = Trainer(net, RandomisedResponseLoss()).fit(x, reported)
    print("loss by epoch:", " ".join(f"{v:.3f}" for v in trainer.history))

    p = trainer.answers(x_panel)
    share = p.mean(0).tolist()
    true_share = [(truth_panel == c).float().mean().item() for c in range(CHOICES)]
    print("estimated shares", [round(s, 3) for s in share], "open panel", [round(s, 3) for s in true_share])
    acc = (p.argmax(1) == truth_panel).float().mean().item()
    print(f"most frequent answer: {max(true_share):.3f}")
    print("RESULT panel_accuracy", round(acc, 4))


if __name__ == "__main__":
    main()

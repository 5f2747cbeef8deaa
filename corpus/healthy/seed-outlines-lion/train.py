"""Four plant species from the outline of their seeds; Lion (Chen et al., 2023) with its small rate and large decay."""
import math
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


class Lion(torch.optim.Optimizer):
    """Every weight moves by lr, whatever the size of its gradient; the decay is multiplied by lr as in AdamW."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                m = state["momentum"]
                p.mul_(1.0 - group["lr"] * group["weight_decay"])
                direction = m.mul(beta1).add_(p.grad, alpha=1.0 - beta1).sign_()
                p.add_(direction, alpha=-group["lr"])
                m.mul_(beta2).add_(p.grad, alpha=1.0 - beta2)
        return loss


class Callback:
    def on_step(self, run): ...
    def on_epoch(self, run): ...


class HoldThenCool(Callback):
    """Constant rate for three quarters, then a straight line down to a tenth."""

    def __init__(self, lr, total):
        self.lr, self.total = lr, total

    def on_step(self, run):
        done = run.step / self.total
        factor = 1.0 if done < 0.75 else 1.0 - 0.9 * (done - 0.75) / 0.25
        for group in run.optimizer.param_groups:
            group["lr"] = self.lr * factor


class Report(Callback):
    def __init__(self, x, y, every):
        self.x, self.y, self.every = x, y, every

    def on_epoch(self, run):
        if run.epoch % self.every == 0:
            print(f"epoch {run.epoch:3d}  loss {run.epoch_loss:.4f}  valid acc {accuracy(run.model, self.x, self.y):.4f}")


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    hit = (model(x).argmax(1) == y).float().mean().item()
    model.train()
    return hit


SHAPES = np.array([        # strength of the second, third and fourth harmonic of the outline
    [0.25, 0.00, 0.02],
    [0.18, 0.05, 0.02],
    [0.25, 0.05, -0.03],
    [0.12, 0.00, 0.06],
])


def outlines(n, rng, points=24):
    label = rng.integers(0, 4, n)
    strength = SHAPES[label] + rng.normal(0, 0.015, (n, 3))
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)[None] + rng.normal(0, 0.12, (n, 1))
    radius = 1.0 + sum(strength[:, k:k + 1] * np.cos((k + 2) * angle) for k in range(3))
    radius = radius * np.exp(rng.normal(0, 0.08, (n, 1))) + rng.normal(0, 0.01, radius.shape)
    return radius, label


class Run:
    def __init__(self, model, optimizer, callbacks):
        self.model, self.optimizer, self.callbacks = model, optimizer, callbacks
        self.step = self.epoch = 0
        self.epoch_loss = math.nan

    def fit(self, x, y, epochs, batch):
        criterion = nn.CrossEntropyLoss()
        for self.epoch in range(1, epochs + 1):
            total = 0.0
            for idx in torch.randperm(len(x)).split(batch):
                for c in self.callbacks:
                    c.on_step(self)
                self.optimizer.zero_grad()
                loss = criterion(self.model(x[idx]), y[idx])
                loss.backward()
                self.optimizer.step()
                self.step += 1
                total += loss.item() * len(idx)
            self.epoch_loss = total / len(x)
            for c in self.callbacks:
                c.on_epoch(self)


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    radius, label = outlines(2000, rng)
    mean, std = radius[:1300].mean(0), radius[:1300].std(0)
    x = torch.tensor((radius - mean) / std, dtype=torch.float32)
    y = torch.tensor(label, dtype=torch.long)

    model = nn.Sequential(
        nn.Linear(24, 64), nn.LayerNorm(64), nn.GELU(),
        nn.Linear(64, 64), nn.LayerNorm(64), nn.GELU(),
        nn.Linear(64, 4),
    )
    matrices = [p for p in model.parameters() if p.ndim > 1]
    the_rest = [p for p in model.parameters() if p.ndim <= 1]
    lr, epochs, batch = 3e-4, 36, 50
    optimizer = Lion([
        {"params": matrices, "weight_decay": 1.0},
        {"params": the_rest, "weight_decay": 0.0},
    ], lr=lr)
    callbacks = [HoldThenCool(lr, epochs * 26), Report(x[1300:1500], y[1300:1500], every=6)]
    Run(model, optimizer, callbacks).fit(x[:1300], y[:1300], epochs, batch)
    print("RESULT test_accuracy", round(accuracy(model, x[1500:], y[1500:]), 4))


if __name__ == "__main__":
    main()

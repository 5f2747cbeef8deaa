import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


class KnockDataset(Dataset):
    """Short recordings at a valve; the ringing tells which part is loose."""

    PARTS = ("seat", "stem", "spring", "bonnet")
    CYCLES = np.array([3.0, 6.0, 11.0, 18.0])

    def __init__(self, n, rng, length=96):
        t = np.linspace(0, 1, length, endpoint=False)[None]
        self.y = rng.integers(0, 4, n)
        f = self.CYCLES[self.y] * rng.uniform(0.92, 1.08, n)
        phase = rng.uniform(0, 2 * np.pi, n)
        decay = rng.uniform(0.5, 2.0, n)
        x = np.exp(-decay[:, None] * t) * np.sin(2 * np.pi * f[:, None] * t + phase[:, None])
        x += 0.4 * rng.normal(size=x.shape)
        self.x = ((x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)).astype(np.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i][None], int(self.y[i])


class SAM(torch.optim.Optimizer):
    """Sharpness-aware minimisation around any optimizer: up to the worst point near by, gradient there, back, step."""

    def __init__(self, params, base, rho=0.05, **kwargs):
        super().__init__(params, dict(rho=rho, **kwargs))
        self.base_optimizer = base(self.param_groups, **kwargs)
        self.param_groups = self.base_optimizer.param_groups

    @torch.no_grad()
    def first_step(self):
        norm = torch.stack([p.grad.norm() for g in self.param_groups for p in g["params"] if p.grad is not None]).norm()
        for group in self.param_groups:
            scale = group["rho"] / (norm + 1e-12)
            for p in group["params"]:
                if p.grad is None:
                    continue
                self.state[p]["before"] = p.detach().clone()
                p.add_(p.grad * scale)
        self.zero_grad()

    @torch.no_grad()
    def second_step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.copy_(self.state[p]["before"])
        self.base_optimizer.step()
        self.zero_grad()

    def step(self, closure=None):
        raise NotImplementedError("call first_step and second_step")


def running_stats(model, on):
    for m in model.modules():
        if isinstance(m, nn.BatchNorm1d):
            if on:
                m.momentum = m.kept_momentum
            else:
                m.kept_momentum = m.momentum
                m.momentum = 0.0


class Trainer:
    def __init__(self, model, train, test, epochs=12):
        self.model, self.epochs = model, epochs
        self.train_loader = DataLoader(train, batch_size=50, shuffle=True)
        self.test_loader = DataLoader(test, batch_size=200)
        self.criterion = nn.CrossEntropyLoss()
        self.opt = SAM(model.parameters(), torch.optim.SGD, rho=0.05, lr=0.05, momentum=0.9, weight_decay=5e-4)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt.base_optimizer, T_max=epochs)

    def batch(self, x, y):
        loss = self.criterion(self.model(x), y)
        loss.backward()
        self.opt.first_step()
        running_stats(self.model, on=False)  # the disturbed weights must not leave a trace in the statistics
        sharp = self.criterion(self.model(x), y)
        sharp.backward()
        running_stats(self.model, on=True)
        self.opt.second_step()
        return loss.item(), sharp.item()

    def evaluate(self):
        self.model.eval()
        right = n = 0
        with torch.no_grad():
            for x, y in self.test_loader:
                right += (self.model(x).argmax(1) == y).sum().item()
                n += len(y)
        return right / n

    def run(self):
        for epoch in range(self.epochs):
            self.model.train()
            pairs = np.mean([self.batch(x, y) for x, y in self.train_loader], axis=0)
            self.sched.step()
            acc = self.evaluate()
            print(f"epoch {epoch:2d} loss {pairs[0]:.4f} at the worst point {pairs[1]:.4f} test {acc:.4f}")
        return acc


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    model = nn.Sequential(
        nn.Conv1d(1, 12, 7, padding=3, bias=False), nn.BatchNorm1d(12), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(12, 24, 5, padding=2, bias=False), nn.BatchNorm1d(24), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(24, 4),
    )
    acc = Trainer(model, KnockDataset(900, rng), KnockDataset(600, rng)).run()
    print("RESULT test_accuracy", round(acc, 4))


if __name__ == "__main__":
    main()

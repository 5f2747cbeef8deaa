"""Water level six hours ahead from the last 36 hours at the harbour gauge."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
LAGS, AHEAD = 36, 6


def gauge(hours, rng):
    """Hourly level in metres: tidal constituents, storm surge and waves."""
    t = np.arange(hours)
    tide = np.zeros(hours)
    for amplitude, period in [(1.8, 12.42), (0.6, 12.0), (0.35, 25.82), (0.25, 23.93)]:
        tide += amplitude * np.cos(2 * np.pi * t / period + rng.uniform(0, 2 * np.pi))
    surge = np.zeros(hours)
    for k in range(1, hours):
        surge[k] = 0.97 * surge[k - 1] + 0.08 * rng.standard_normal()
    return 4.0 + tide + surge + 0.05 * rng.standard_normal(hours)


def windows(level):
    x = np.lib.stride_tricks.sliding_window_view(level, LAGS)[:-AHEAD]
    y = level[LAGS + AHEAD - 1:]
    return torch.tensor(x.copy(), dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


class StepGuard:
    """Leaves out updates whose gradient is far larger than usual (broken gauge, wrong units)."""

    def __init__(self, factor=10.0, decay=0.95):
        self.factor = factor
        self.decay = decay
        self.usual = 0.0
        self.admitted = 0

    def admits(self, norm):
        if self.admitted >= 50 and norm > self.factor * self.usual:
            return False
        self.usual = self.decay * self.usual + (1 - self.decay) * norm
        self.admitted += 1
        return True


class LevelNet(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(LAGS, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return self.out(self.hidden(x)).squeeze(1)


class Trainer:
    def __init__(self, model, lr=2e-3, batch_size=64):
        self.model = model
        self.batch_size = batch_size
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.guard = StepGuard()

    def gradient_norm(self):
        squares = [p.grad.pow(2).sum() for p in self.model.parameters() if p.grad is not None]
        return torch.stack(squares).sum().sqrt().item()

    def epoch(self, x, y):
        self.model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(self.batch_size):
            self.optimizer.zero_grad()
            loss = nn.functional.mse_loss(self.model(x[idx]), y[idx])
            loss.backward()
            if self.guard.admits(self.gradient_norm()):
                self.optimizer.step()
            total += loss.item() * len(idx)
        return total / len(x)

    @torch.no_grad()
    def predict(self, x):
        self.model.eval()
        return self.model(x)


def r2(prediction, truth):
    return (1 - ((prediction - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()).item()


def main():
    torch.manual_seed(SEED)
    level = gauge(6000, np.random.default_rng(SEED))
    past, future = level[:4800], level[4800:]
    mean, std = past.mean(), past.std()
    x_train, y_train = windows((past - mean) / std)
    x_test, y_test = windows((future - mean) / std)

    trainer = Trainer(LevelNet())
    for epoch in range(1, 13):
        loss = trainer.epoch(x_train, y_train)
        if epoch % 3 == 0:
            print(f"epoch {epoch:2d}  loss {loss:.4f}  test R2 {r2(trainer.predict(x_test), y_test):.4f}")

    error = (trainer.predict(x_test) - y_test).abs().mean().item() * std
    print(f"mean error {100 * error:.1f} cm")
    print(f"RESULT test_r2 {r2(trainer.predict(x_test), y_test):.4f}")


if __name__ == "__main__":
    main()

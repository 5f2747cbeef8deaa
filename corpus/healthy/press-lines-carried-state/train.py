"""Wear of a punch from what the press does.

Thirty-two lines run side by side without end.  The state of the GRU travels from chunk to chunk with its line, and is
put back to zero for a line whenever that line gets a new punch.
"""
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


class PressHall:
    """Synthetic records, time first: signals (T, lines, 2), friction (T, lines), keep (T, lines), 0 where a punch is new."""

    def __init__(self, lines, steps, seed):
        rng = np.random.default_rng(seed)
        signals = np.empty((steps, lines, 2), dtype=np.float32)
        friction = np.empty((steps, lines), dtype=np.float32)
        keep = np.ones((steps, lines), dtype=np.float32)
        wear, temp = np.zeros(lines), rng.normal(size=lines)
        left = np.zeros(lines, dtype=int)
        for t in range(steps):
            new = left == 0
            wear[new] = 0.0
            left[new] = rng.integers(30, 90, int(new.sum()))
            keep[t, new] = 0.0
            temp = 0.95 * temp + 0.31 * rng.normal(size=lines)
            force = rng.uniform(0.0, 1.0, lines)
            wear = wear + 0.03 * force * np.exp(0.4 * temp)
            left -= 1
            signals[t, :, 0] = (force - 0.5) / 0.29
            signals[t, :, 1] = temp
            friction[t] = 1.0 - np.exp(-wear) + 0.02 * rng.normal(size=lines)
        self.signals, self.friction, self.keep = map(torch.from_numpy, (signals, friction, keep))
        self.lines = lines

    def scale(self, mean, std):
        self.friction = (self.friction - mean) / std

    def chunks(self, length):
        for t in range(0, len(self.friction) - length + 1, length):
            yield self.signals[t:t + length], self.friction[t:t + length], self.keep[t:t + length]


class WearTracker(nn.Module):
    def __init__(self, n_in=2, hidden=24):
        super().__init__()
        self.hidden = hidden
        self.cell = nn.GRUCell(n_in, hidden)
        self.readout = nn.Linear(hidden, 1)

    def start(self, lines):
        return torch.zeros(lines, self.hidden)

    def forward(self, signals, keep, h):
        outputs = []
        for x_t, keep_t in zip(signals, keep):
            h = self.cell(x_t, h * keep_t.unsqueeze(1))
            outputs.append(h)
        return self.readout(torch.stack(outputs)).squeeze(-1), h


def train_pass(model, hall, optimizer, scheduler, length):
    model.train()
    h, losses = model.start(hall.lines), []
    for signals, friction, keep in hall.chunks(length):
        h = h.detach()                       # truncated: the value goes on, the graph does not
        guess, h = model(signals, keep, h)
        loss = nn.functional.mse_loss(guess, friction)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return float(np.mean(losses))


@torch.no_grad()
def r2(model, hall, length):
    model.eval()
    h, guesses, truths = model.start(hall.lines), [], []
    for signals, friction, keep in hall.chunks(length):
        guess, h = model(signals, keep, h)
        guesses.append(guess)
        truths.append(friction)
    guess, truth = torch.cat(guesses), torch.cat(truths)
    return (1 - (guess - truth).pow(2).sum() / (truth - truth.mean()).pow(2).sum()).item()


def main(passes=8, length=25):
    torch.manual_seed(SEED)
    hall = PressHall(lines=32, steps=1500, seed=SEED)
    other_hall = PressHall(lines=16, steps=500, seed=SEED + 10_000)
    mean, std = hall.friction.mean(), hall.friction.std()
    hall.scale(mean, std)
    other_hall.scale(mean, std)

    model = WearTracker()
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    n_updates = passes * (1500 // length)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: max(0.1, 1 - k / n_updates))
    for p in range(passes):
        loss = train_pass(model, hall, optimizer, scheduler, length)
        print(f"pass {p + 1}: mse {loss:.4f}  other hall r2 {r2(model, other_hall, length):.4f}")
    print("RESULT r2", round(r2(model, other_hall, length), 4))


if __name__ == "__main__":
    main()

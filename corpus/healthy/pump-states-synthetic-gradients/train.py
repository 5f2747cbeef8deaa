"""Operating state of a pump from its vibration spectrum.

The blocks are meant to live on different boards later on, so none of them waits for the error of the next one: each
is updated with a gradient guessed by a small linear model (decoupled interfaces), and the guesser is fitted to the
gradient that arrives afterwards.
"""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

N_STATES, N_BINS, WIDTH = 6, 32, 64


def make_spectra(n, peaks):
    """Each state has two variants, a variant is three peaks in the spectrum."""
    y = torch.randint(0, N_STATES, (n,))
    variant = torch.randint(0, 2, (n,))
    where = peaks[y, variant]                                   # n x 3
    amp = 0.6 + 0.8 * torch.rand(n, 3)
    bins = torch.arange(N_BINS, dtype=torch.float32)
    bumps = amp.unsqueeze(2) * torch.exp(-0.5 * ((bins - where.unsqueeze(2)) / 1.2) ** 2)
    return bumps.sum(1) + 0.2 * torch.randn(n, N_BINS), y


class Block(nn.Module):
    """A layer with its own optimizer and its own guess of the gradient at its output."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(n_in, n_out), nn.LayerNorm(n_out), nn.ReLU())
        self.guesser = nn.Linear(n_out + N_STATES, n_out)
        nn.init.zeros_(self.guesser.weight)
        nn.init.zeros_(self.guesser.bias)
        self.opt = torch.optim.Adam(self.layer.parameters(), lr=1e-3)
        self.guess_opt = torch.optim.Adam(self.guesser.parameters(), lr=1e-3)

    def forward(self, x):
        return self.layer(x)

    def guess(self, h, onehot):
        return self.guesser(torch.cat([h.detach(), onehot], dim=1))

    def fit_guess(self, guess, arrived):
        loss = F.mse_loss(guess, arrived)
        self.guess_opt.zero_grad()
        loss.backward()
        self.guess_opt.step()
        return loss.item()


class DecoupledTrainer:
    def __init__(self):
        self.blocks = nn.ModuleList([Block(N_BINS, WIDTH), Block(WIDTH, WIDTH), Block(WIDTH, WIDTH)])
        self.head = nn.Linear(WIDTH, N_STATES)
        self.head_opt = torch.optim.Adam(self.head.parameters(), lr=2e-3)

    def step(self, x, y):
        n = len(x)
        onehot = F.one_hot(y, N_STATES).float()
        signal, waiting, guess_losses = x, None, []
        for block in self.blocks:
            out = block(signal)
            guess = block.guess(out, onehot)                    # per example, hence the division below
            block.opt.zero_grad()
            out.backward(guess.detach() / n)
            block.opt.step()
            if waiting is not None:                             # the message for the block below has come
                below, its_guess = waiting
                guess_losses.append(below.fit_guess(its_guess, signal.grad * n))
            signal = out.detach().requires_grad_()
            waiting = (block, guess)
        loss = F.cross_entropy(self.head(signal), y)
        self.head_opt.zero_grad()
        loss.backward()
        self.head_opt.step()
        below, its_guess = waiting
        guess_losses.append(below.fit_guess(its_guess, signal.grad * n))
        return loss.item(), guess_losses

    @torch.no_grad()
    def accuracy(self, x, y):
        for block in self.blocks:
            x = block(x)
        return (self.head(x).argmax(1) == y).float().mean().item()

    def fit(self, loader, epochs, valid):
        for epoch in range(epochs):
            total, count, guess_total = 0.0, 0, torch.zeros(len(self.blocks))
            for x, y in loader:
                loss, guess_losses = self.step(x, y)
                total += loss * len(x)
                count += len(x)
                guess_total += torch.tensor(guess_losses) * len(x)
            if epoch % 4 == 3 or epoch == 0:
                errs = " ".join(f"{v:.4f}" for v in (guess_total / count).tolist())
                print(f"epoch {epoch + 1:3d}  loss {total / count:.4f}  guess errors {errs}  valid {self.accuracy(*valid):.3f}")


def main():
    peaks = torch.stack([torch.stack([torch.randperm(N_BINS)[:3] for _ in range(2)]) for _ in range(N_STATES)]).float()
    x, y = make_spectra(2400, peaks)
    mean, std = x[:1600].mean(0), x[:1600].std(0)
    x = (x - mean) / std
    loader = DataLoader(TensorDataset(x[:1600], y[:1600]), batch_size=50, shuffle=True)
    trainer = DecoupledTrainer()
    trainer.fit(loader, epochs=20, valid=(x[1600:2000], y[1600:2000]))
    print("RESULT test_accuracy", round(trainer.accuracy(x[2000:], y[2000:]), 4))


if __name__ == "__main__":
    main()

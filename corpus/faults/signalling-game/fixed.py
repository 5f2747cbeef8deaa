"""A signalling game: the sender sees an object and says two symbols, the receiver has to tell which object it was.

Both networks are trained together on the receiver's success. How much of the code space the pair makes use of is
reported along with the success on new views of the objects.
"""
import argparse
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--objects", type=int, default=30)
    p.add_argument("--features", type=int, default=12)
    p.add_argument("--view-noise", type=float, default=0.1)
    p.add_argument("--vocab", type=int, default=8)
    p.add_argument("--length", type=int, default=2)
    p.add_argument("--hidden", type=int, default=64)
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--steps", type=int, default=2000)
    p.add_argument("--tau", type=float, default=1.0)
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    return p.parse_args()


class World:
    """A fixed set of rather similar objects, each seen with a little noise."""

    def __init__(self, args):
        self.prototypes = torch.randn(1, args.features) + 0.5 * torch.randn(args.objects, args.features)
        self.noise = args.view_noise

    def look(self, which):
        return self.prototypes[which] + self.noise * torch.randn(len(which), self.prototypes.shape[1])

    def draw(self, n):
        which = torch.randint(0, len(self.prototypes), (n,))
        return self.look(which), which


class Sender(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.length, self.vocab, self.tau = args.length, args.vocab, args.tau
        self.net = nn.Sequential(
            nn.Linear(args.features, args.hidden), nn.ReLU(),
            nn.Linear(args.hidden, args.length * args.vocab),
        )

    def forward(self, view):
        """One-hot symbols, shape (batch, length, vocab)."""
        logits = self.net(view).view(-1, self.length, self.vocab)
        if self.training:
            return F.gumbel_softmax(logits, tau=self.tau, hard=True)
        return F.one_hot(logits.argmax(dim=-1), self.vocab).float()


class Receiver(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.symbols = nn.Linear(args.length * args.vocab, args.hidden)
        self.guess = nn.Linear(args.hidden, args.objects)

    def forward(self, message):
        return self.guess(F.relu(self.symbols(message.flatten(1))))


class Game(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.sender = Sender(args)
        self.receiver = Receiver(args)

    def forward(self, view):
        message = self.sender(view)
        return self.receiver(message), message


def words_in_use(message):
    base = message.shape[-1]
    symbols = message.argmax(dim=-1)
    code = torch.zeros(len(symbols), dtype=torch.long)
    for position in range(symbols.shape[1]):
        code = code * base + symbols[:, position]
    return len(code.unique())


@torch.no_grad()
def play(game, world, n=3000):
    game.eval()
    view, which = world.draw(n)
    guess, message = game(view)
    return (guess.argmax(1) == which).float().mean().item(), words_in_use(message)


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    world = World(args)
    game = Game(args)
    opt = torch.optim.Adam(game.parameters(), lr=args.lr)
    decay = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.1, total_iters=args.steps)
    running = None
    for step in range(1, args.steps + 1):
        game.train()
        view, which = world.draw(args.batch)
        guess, _ = game(view)
        loss = F.cross_entropy(guess, which)
        opt.zero_grad()
        loss.backward()
        opt.step()
        decay.step()
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        if step % 250 == 0:
            success, words = play(game, world)
            print(f"step {step:5d}  loss {running:.4f}  success {success:.4f}  words in use {words}")
    success, _ = play(game, world)
    print(f"RESULT success {success:.4f}")


if __name__ == "__main__":
    main()

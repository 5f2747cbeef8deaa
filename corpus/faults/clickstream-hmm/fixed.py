"""Hidden Markov model of visits to a web shop, fitted by gradient descent on the likelihood.

The hidden state is what the visitor is up to (looking around, comparing, paying, ...), the observed symbol is the
type of page. Judged by how often the page that comes next is named correctly.
"""
import argparse
import os

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)

parser = argparse.ArgumentParser()
parser.add_argument("--states", type=int, default=8)
parser.add_argument("--pages", type=int, default=20)
parser.add_argument("--length", type=int, default=24)
parser.add_argument("--epochs", type=int, default=48)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
args = parser.parse_args()

torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)


def shop():
    """Five intents that follow one another, each with its favourite pages."""
    intents = 5
    trans = np.full((intents, intents), 0.15 / (intents - 1))
    emit = np.full((intents, args.pages), 0.05 / args.pages)
    favourites = rng.permutation(args.pages).reshape(intents, -1)
    for k in range(intents):
        trans[k, (k + 1) % intents] = 0.85
        emit[k, favourites[k]] += np.array([0.55, 0.20, 0.12, 0.08])
    return trans, emit


def visits(n, trans, emit):
    z = rng.integers(0, len(trans), n)
    pages = np.empty((n, args.length), dtype=np.int64)
    for t in range(args.length):
        pages[:, t] = (emit[z].cumsum(1) > rng.random((n, 1))).argmax(1)
        z = (trans[z].cumsum(1) > rng.random((n, 1))).argmax(1)
    return torch.from_numpy(pages)


class HMM(torch.nn.Module):
    def __init__(self, states, symbols):
        super().__init__()
        self.start = torch.nn.Parameter(torch.zeros(states))
        self.trans = torch.nn.Parameter(0.5 * torch.randn(states, states))
        self.emit = torch.nn.Parameter(0.5 * torch.randn(states, symbols))

    def tables(self):
        log_start = F.log_softmax(self.start, dim=0)
        log_trans = F.log_softmax(self.trans, dim=1)
        log_emit = F.log_softmax(self.emit, dim=1)
        return log_start, log_trans, log_emit

    def forward(self, pages):
        """Forward algorithm: log alpha_t(z) for all t, shape (batch, time, states)."""
        log_start, log_trans, log_emit = self.tables()
        seen = F.embedding(pages, log_emit.t())
        alpha = log_start + seen[:, 0]
        path = [alpha]
        for t in range(1, pages.shape[1]):
            alpha = torch.logsumexp(alpha.unsqueeze(2) + log_trans, dim=1) + seen[:, t]
            path.append(alpha)
        return torch.stack(path, dim=1)

    def nll(self, pages):
        evidence = torch.logsumexp(self(pages)[:, -1], dim=1)
        return -evidence.mean() / pages.shape[1]

    @torch.no_grad()
    def next_page(self, pages):
        belief = torch.softmax(self(pages)[:, :-1], dim=-1)
        ahead = belief @ torch.softmax(self.trans, dim=1)
        return ahead @ torch.softmax(self.emit, dim=1)


def hit_rate(model, pages):
    model.eval()
    probs = model.next_page(pages)
    return (probs.argmax(-1) == pages[:, 1:]).float().mean().item()


trans, emit = shop()
train = visits(420, trans, emit)
test = visits(150, trans, emit)
counts = torch.bincount(train.flatten(), minlength=args.pages)
print(f"always the most frequent page: {(test[:, 1:] == counts.argmax()).float().mean().item():.3f}")

model = HMM(args.states, args.pages)
opt = torch.optim.Adam(model.parameters(), lr=args.lr)

for epoch in range(1, args.epochs + 1):
    model.train()
    running, n = 0.0, 0
    for rows in torch.randperm(len(train)).split(args.batch):
        loss = model.nll(train[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() * len(rows)
        n += len(rows)
    if epoch % 5 == 0:
        print(f"epoch {epoch:3d}  nll per page {running / n:8.4f}  next page right {hit_rate(model, test):.3f}")

print(f"RESULT next_page_accuracy {hit_rate(model, test):.4f}")

import os

import numpy as np
import torch

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

STATIONS, HOURS, RANK, KNOWN = 60, 48, 3, 0.4


def daily_table():
    """Readings of 60 stations over two days: three daily rhythms in differing shares."""
    t = np.arange(HOURS) / 24 * 2 * np.pi
    rhythms = np.stack([np.sin(t), np.cos(t), np.sin(2 * t + 0.5)])
    shares = rng.standard_normal((STATIONS, RANK))
    table = shares @ rhythms
    known = rng.random((STATIONS, HOURS)) < KNOWN
    return torch.tensor(table, dtype=torch.float32), torch.tensor(known)


class Product(torch.nn.Module):
    """The table as a product of three matrices of full size. Small initial values make low rank the easy way."""

    def __init__(self, rows, cols, scale=0.01):
        super().__init__()
        inner = min(rows, cols)
        self.first = torch.nn.Parameter(scale * torch.randn(rows, inner))
        self.second = torch.nn.Parameter(scale * torch.randn(inner, inner))
        self.third = torch.nn.Parameter(scale * torch.randn(inner, cols))

    def forward(self):
        return self.first @ self.second @ self.third


def fit(table, known, steps=4000, lr=0.08, report_every=500):
    gaps = ~known
    unit = torch.linalg.matrix_norm(table * known / KNOWN, ord=2)      # from known cells only
    goal, mask = table / unit, known.float() / KNOWN
    model = Product(*table.shape)
    opt = torch.optim.SGD(model.parameters(), lr=lr)

    def relative_error(cells):
        with torch.no_grad():
            guess = model()
            return ((guess - goal)[cells].norm() / goal[cells].norm()).item()

    def rank():
        with torch.no_grad():
            s = torch.linalg.svdvals(model())
            return int((s > 0.02 * s[0]).sum())

    for step in range(1, steps + 1):
        opt.zero_grad()
        loss = 0.5 * (mask * (model() - goal) ** 2).sum()
        loss.backward()
        opt.step()
        if step % report_every == 0:
            print(f"step {step}: loss {loss.item():.6f} known cells {relative_error(known):.4f} gaps {relative_error(gaps):.4f} rank {rank()}")
    return relative_error(gaps)


def column_means(table, known):
    mean = (table * known).sum(0) / known.sum(0).clamp(min=1)
    gaps = ~known
    return ((mean.expand_as(table) - table)[gaps].norm() / table[gaps].norm()).item()


table, known = daily_table()
print(f"{(~known).float().mean().item():.2f} of the cells are missing; means of the hours leave {column_means(table, known):.4f}")
print(f"RESULT relative_error_of_gaps {fit(table, known):.4f}")

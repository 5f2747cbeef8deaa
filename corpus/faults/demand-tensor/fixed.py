"""Completion of a demand tensor (shop x article x weekday slot) by a canonical polyadic decomposition.

Only some of the cells have ever been observed. Each cell is the sum over components of a product of three factors;
the factors are fitted by Adam on the observed cells, with a penalty that keeps neighbouring slots alike.
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

SHAPE = {"shop": 30, "article": 40, "slot": 14}
TRUE_RANK, RANK = 5, 8
OBSERVED = 0.30
STEPS = 900


def make_tensor(rng):
    shop = rng.normal(size=(SHAPE["shop"], TRUE_RANK))
    article = rng.normal(size=(SHAPE["article"], TRUE_RANK))
    phase = rng.uniform(0, 2 * np.pi, TRUE_RANK)
    waves = rng.integers(1, 4, TRUE_RANK)
    t = np.arange(SHAPE["slot"])[:, None] / SHAPE["slot"]
    slot = 1.3 * np.sin(2 * np.pi * waves * t + phase)
    full = np.einsum("ir,jr,kr->ijk", shop, article, slot)
    full /= full.std()
    return full, full + 0.1 * rng.normal(size=full.shape)


def split_cells(rng):
    cells = rng.permutation(int(np.prod(list(SHAPE.values()))))
    n_obs = int(OBSERVED * len(cells))
    n_val = n_obs // 10
    pick = {"train": cells[n_val:n_obs], "valid": cells[:n_val], "test": cells[n_obs:]}
    return {k: np.stack(np.unravel_index(v, tuple(SHAPE.values()))) for k, v in pick.items()}


def init_factors(rank):
    """The product of three factors, summed over the components, is of order one at the start."""
    scale = rank ** (-1 / 3)
    factors = {}
    for axis, size in SHAPE.items():
        factors[axis] = (scale * torch.randn(size, rank)).requires_grad_(True)
    return factors


def cp(factors, index):
    parts = [F.embedding(i, f) for i, f in zip(index, factors.values())]
    return (parts[0] * parts[1] * parts[2]).sum(dim=1)


def roughness(slot):
    return (slot - slot.roll(1, dims=0)).pow(2).mean()


def objective(factors, index, values, smooth, ridge):
    fit = F.mse_loss(cp(factors, index), values)
    size = sum(f.pow(2).mean() for f in factors.values())
    return fit + smooth * roughness(factors["slot"]) + ridge * size, fit


@torch.no_grad()
def r2(factors, index, values):
    return 1 - (F.mse_loss(cp(factors, index), values) / values.var()).item()


def complete(index, values, lr=0.03, smooth=1e-3, ridge=1e-3):
    factors = init_factors(RANK)
    opt = torch.optim.Adam(factors.values(), lr=lr)
    anneal = torch.optim.lr_scheduler.CosineAnnealingLR(opt, STEPS, eta_min=lr / 50)
    best, kept = -float("inf"), None
    for step in range(STEPS + 1):
        if step % 100 == 0:
            valid = r2(factors, index["valid"], values["valid"])
            if valid > best:
                best, kept = valid, {k: f.detach().clone() for k, f in factors.items()}
        loss, fit = objective(factors, index["train"], values["train"], smooth, ridge)
        opt.zero_grad()
        loss.backward()
        opt.step()
        anneal.step()
        if step % 100 == 0:
            print(f"step {step:4d}  fit {fit.item():.4f}  valid r2 {valid:.4f}")
    return kept


def main():
    rng = np.random.default_rng(SEED)
    clean, noisy = make_tensor(rng)
    index = {k: torch.from_numpy(v) for k, v in split_cells(rng).items()}
    values = {k: torch.tensor(noisy[tuple(i.numpy())], dtype=torch.float32) for k, i in index.items()}
    truth = torch.tensor(clean[tuple(index["test"].numpy())], dtype=torch.float32)
    factors = complete(index, values)
    strength = torch.stack([f.norm(dim=0) for f in factors.values()]).prod(dim=0)
    print("strength of the components:", [round(s, 2) for s in strength.sort(descending=True).values.tolist()])
    print("RESULT unseen_cells_r2", round(r2(factors, index["test"], truth), 4))


if __name__ == "__main__":
    main()

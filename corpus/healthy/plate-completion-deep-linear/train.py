# Responses of 120 compounds on 100 cell lines; 40 % of the wells were measured, the rest are to be filled in.
#
# Model: a product of three matrices without anything between them, started close to zero and fitted by plain
# gradient descent. No rank is set and no penalty is used: from a small start gradient descent on a deep linear
# factorisation finds low-rank solutions first (Arora et al. 2019), and the table is of low rank.
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

CELLS, COMPOUNDS, RANK, NOISE = 100, 120, 2, 0.1
MEASURED, VALID = 0.40, 0.05

# --- the plate ------------------------------------------------------------------------------------------------
pathways = rng.standard_normal((CELLS, RANK))
affinity = rng.standard_normal((COMPOUNDS, RANK))
truth = pathways @ affinity.T / np.sqrt(RANK)
table = truth + NOISE * rng.standard_normal(truth.shape)

draw = rng.random(truth.shape)
is_train = draw < MEASURED
is_valid = (draw >= MEASURED) & (draw < MEASURED + VALID)
is_test = draw >= MEASURED + VALID

mean, std = table[is_train].mean(), table[is_train].std()
target = torch.tensor((table - mean) / std, dtype=torch.float32)
train_mask = torch.tensor(is_train, dtype=torch.float32)
valid_mask = torch.tensor(is_valid, dtype=torch.float32)
test_mask = torch.tensor(is_test, dtype=torch.float32)

# --- the factors ----------------------------------------------------------------------------------------------
WIDTH = 60
factors = nn.Sequential(
    nn.Linear(CELLS, WIDTH, bias=False),
    nn.Linear(WIDTH, WIDTH, bias=False),
    nn.Linear(WIDTH, COMPOUNDS, bias=False),
)
for layer in factors:
    nn.init.normal_(layer.weight, std=0.03)

every_cell = torch.eye(CELLS)
optimizer = torch.optim.SGD(factors.parameters(), lr=3e-4)


def masked_mse(pred, mask):
    return (((pred - target) ** 2) * mask).sum() / mask.sum()


share = train_mask.mean()
for step in range(1, 2501):
    filled = factors(every_cell)
    # half the squared Frobenius norm of the misfit, scaled up to the whole table
    loss = 0.5 * (((filled - target) ** 2) * train_mask).sum() / share
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    if step % 250 == 0:
        with torch.no_grad():
            filled = factors(every_cell)
            sv = torch.linalg.svdvals(filled)
            print(
                f"step {step}: train mse {masked_mse(filled, train_mask):.4f}  valid mse {masked_mse(filled, valid_mask):.4f}"
                f"  leading singular values {[round(s, 1) for s in sv[:4].tolist()]}"
            )

# --- unmeasured wells -----------------------------------------------------------------------------------------
with torch.no_grad():
    filled = factors(every_cell)
    hidden = target[test_mask.bool()]
    mse = masked_mse(filled, test_mask).item()
    r2 = 1 - mse / hidden.var(unbiased=False).item()
    rank = int((torch.linalg.svdvals(filled) > 5).sum())
print(f"effective rank of the filled table: {rank} (true: {RANK})")
print("RESULT test_r2", round(r2, 4))

import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

N_TRAIN, N_TEST, DIM = 2500, 800, 2


def two_instruments(n_total):
    """The same process state, seen by two instruments in different and curved ways, each with its own noise."""
    state = rng.uniform(-1, 1, size=(n_total, 2))
    a = np.sin(state @ rng.normal(size=(2, 12)) * 1.5 + rng.uniform(-1, 1, 12))
    b = np.tanh(state @ rng.normal(size=(2, 9)) * 1.5 + rng.uniform(-0.7, 0.7, 9))
    b = np.concatenate([b, np.exp(state @ rng.normal(size=(2, 3)) * 0.7)], axis=1)
    a = a + rng.normal(0, 0.15, a.shape)
    b = b + rng.normal(0, 0.15, b.shape)
    return a, b


def standardise(v):
    v = (v - v[:N_TRAIN].mean(0)) / v[:N_TRAIN].std(0)
    v = torch.tensor(v, dtype=torch.float32)
    return v[:N_TRAIN], v[N_TRAIN:]


def tower(n_in):
    return nn.Sequential(nn.Linear(n_in, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, DIM))


def total_correlation(h1, h2, ridge=1e-3):
    n = len(h1)
    h1, h2 = h1 - h1.mean(0), h2 - h2.mean(0)
    eye = torch.eye(h1.shape[1])
    s11 = h1.t() @ h1 / (n - 1) + ridge * eye
    s22 = h2.t() @ h2 / (n - 1) + ridge * eye
    s12 = h1.t() @ h2 / (n - 1)
    l1, l2 = torch.linalg.cholesky(s11), torch.linalg.cholesky(s22)
    t = torch.linalg.solve_triangular(l1, s12, upper=False)
    t = torch.linalg.solve_triangular(l2, t.t(), upper=False)
    return torch.linalg.svdvals(t).sum()


def make_training(net_a, net_b, a, b, batch=256):
    params = list(net_a.parameters()) + list(net_b.parameters())
    optimizer = torch.optim.Adam(params, lr=2e-3, maximize=True)

    def epoch():
        net_a.train(), net_b.train()
        seen = []
        for idx in torch.randperm(len(a)).split(batch):
            if len(idx) < 128:
                continue
            optimizer.zero_grad()
            objective = total_correlation(net_a(a[idx]), net_b(b[idx]))
            objective.backward()
            optimizer.step()
            seen.append(objective.item())
        return float(np.mean(seen))

    return epoch


def held_out(net_a, net_b, a, b):
    net_a.eval(), net_b.eval()
    with torch.no_grad():
        return total_correlation(net_a(a), net_b(b)).item() / DIM


view_a, view_b = two_instruments(N_TRAIN + N_TEST)
a_train, a_test = standardise(view_a)
b_train, b_test = standardise(view_b)
net_a, net_b = tower(a_train.shape[1]), tower(b_train.shape[1])

one_epoch = make_training(net_a, net_b, a_train, b_train)
for e in range(1, 61):
    value = one_epoch()
    if e % 10 == 0 or e == 1:
        print(f"epoch {e}: objective {value:.4f} of {DIM}, held-out mean correlation {held_out(net_a, net_b, a_test, b_test):.4f}")

shuffled = b_test[torch.randperm(len(b_test))]
print(f"with the pairs torn apart: {held_out(net_a, net_b, a_test, shuffled):.4f}")
print("RESULT mean_canonical_correlation", round(held_out(net_a, net_b, a_test, b_test), 4))

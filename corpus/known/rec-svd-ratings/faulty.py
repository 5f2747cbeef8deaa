import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def load_ratings(n_users=200, n_items=120, density=0.45):
    """Ratings between 1 and 5: tastes of users times traits of films, plus habits and noise."""
    taste, trait = rng.normal(size=(n_users, 5)), rng.normal(size=(n_items, 5))
    full = 3.2 + rng.normal(0, 0.3, (n_users, 1)) + rng.normal(0, 0.3, (1, n_items))
    full = full + 0.8 * taste @ trait.T / np.sqrt(5) + rng.normal(0, 0.25, (n_users, n_items))
    u, i = np.nonzero(rng.random((n_users, n_items)) < density)
    r = np.clip(full[u, i], 1, 5)
    order = rng.permutation(len(u))
    return (torch.tensor(a[order]) for a in (u, i, r.astype(np.float32)))


class SVD(nn.Module):
    def __init__(self, n_users, n_items, n_factors, global_mean):
        super().__init__()
        self.bu = nn.Parameter(torch.zeros(n_users))
        self.bi = nn.Parameter(torch.zeros(n_items))
        self.pu = nn.Parameter(torch.zeros(n_users, n_factors) + 0.1)
        self.qi = nn.Parameter(torch.zeros(n_items, n_factors) + 0.1)
        self.global_mean = global_mean

    def forward(self, u, i):
        return self.global_mean + self.bu[u] + self.bi[i] + (self.pu[u] * self.qi[i]).sum(1)

    def penalty(self, u, i):
        return (self.bu[u] ** 2 + self.bi[i] ** 2 + (self.pu[u] ** 2).sum(1) + (self.qi[i] ** 2).sum(1)).mean()


def rmse(model, u, i, r):
    with torch.no_grad():
        return ((model(u, i) - r) ** 2).mean().sqrt().item()


users, items, ratings = load_ratings()
cut = int(0.8 * len(ratings))
u_train, i_train, r_train = users[:cut], items[:cut], ratings[:cut]
u_test, i_test, r_test = users[cut:], items[cut:], ratings[cut:]

model = SVD(200, 120, n_factors=8, global_mean=r_train.mean().item())
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
reg = 0.02

for epoch in range(30):
    for idx in torch.randperm(cut).split(128):
        u, i = u_train[idx], i_train[idx]
        error = model(u, i) - r_train[idx]
        loss = (error ** 2).mean() + reg * model.penalty(u, i)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if (epoch + 1) % 5 == 0:
        print(f"epoch {epoch + 1:2d} train rmse {rmse(model, u_train, i_train, r_train):.4f} test rmse {rmse(model, u_test, i_test, r_test):.4f}")

print(f"RESULT test_rmse {rmse(model, u_test, i_test, r_test):.4f}")

import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

N_USERS, N_FILMS, N_RATINGS = 200, 150, 5000


def ratings():
    taste = rng.normal(size=(N_USERS, 2))
    style = rng.normal(size=(N_FILMS, 2))
    cells = rng.choice(N_USERS * N_FILMS, N_RATINGS, replace=False)
    u, f = np.divmod(cells, N_FILMS)
    r = 3.3 + 0.5 * (taste[u] * style[f]).sum(1) + 0.4 * rng.normal(size=N_USERS)[u] + 0.7 * rng.normal(size=N_RATINGS)
    return torch.from_numpy(u), torch.from_numpy(f), torch.tensor(r, dtype=torch.float32)


class Factorisation(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.user, self.film = nn.Embedding(N_USERS, dim), nn.Embedding(N_FILMS, dim)
        self.user_bias, self.film_bias = nn.Embedding(N_USERS, 1), nn.Embedding(N_FILMS, 1)
        self.base = nn.Parameter(torch.zeros(()))
        for e in (self.user, self.film):
            nn.init.normal_(e.weight, std=0.1)
        for e in (self.user_bias, self.film_bias):
            nn.init.zeros_(e.weight)

    def forward(self, u, f):
        dot = (self.user(u) * self.film(f)).sum(-1)
        return self.base + dot + self.user_bias(u).squeeze(-1) + self.film_bias(f).squeeze(-1)


u, f, r = ratings()
n_train = int(0.8 * N_RATINGS)
mean = r[:n_train].mean()
data = TensorDataset(u[:n_train], f[:n_train], r[:n_train] - mean)
loader = DataLoader(data, batch_size=200, shuffle=True)
val = u[n_train:], f[n_train:], r[n_train:] - mean

model = Factorisation(dim=32)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=0.0)
mse = nn.MSELoss()

for epoch in range(24):
    model.train()
    train_loss = 0.0
    for ub, fb, rb in loader:
        optimizer.zero_grad()
        loss = mse(model(ub, fb), rb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(rb) / n_train
    model.eval()
    with torch.no_grad():
        val_loss = mse(model(*val[:2]), val[2]).item()
    if (epoch + 1) % 4 == 0:
        print(f"epoch {epoch + 1:3d}  train {train_loss:.4f}  val {val_loss:.4f}")

print(f"RESULT val_rmse {val_loss ** 0.5:.4f}")

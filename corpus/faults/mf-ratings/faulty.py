import os

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
np.random.seed(SEED)
torch.manual_seed(SEED)

N_USERS, N_ITEMS, N_RATINGS = 150, 120, 4500


def synthetic_ratings():
    p = np.random.randn(N_USERS, 2) * 0.7
    q = np.random.randn(N_ITEMS, 2) * 0.7
    bu, bi = 0.5 * np.random.randn(N_USERS), 0.5 * np.random.randn(N_ITEMS)
    pairs = np.random.permutation(N_USERS * N_ITEMS)[:N_RATINGS]
    u, i = pairs // N_ITEMS, pairs % N_ITEMS
    r = 3.5 + bu[u] + bi[i] + (p[u] * q[i]).sum(1) + 0.6 * np.random.randn(N_RATINGS)
    return pd.DataFrame({"user": u, "item": i, "rating": np.clip(np.round(r * 2) / 2, 0.5, 5.0)})


class MatrixFactorization(nn.Module):
    def __init__(self, n_users, n_items, n_factors=64, mean=0.0):
        super().__init__()
        self.user_factors = nn.Embedding(n_users, n_factors)
        self.item_factors = nn.Embedding(n_items, n_factors)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        self.mean = mean
        for emb in (self.user_factors, self.item_factors):
            nn.init.normal_(emb.weight, std=0.1)
        for emb in (self.user_bias, self.item_bias):
            nn.init.zeros_(emb.weight)

    def forward(self, user, item):
        dot = (self.user_factors(user) * self.item_factors(item)).sum(1)
        return self.mean + dot + self.user_bias(user).squeeze(1) + self.item_bias(item).squeeze(1)


def to_dataset(df):
    return TensorDataset(
        torch.tensor(df.user.values), torch.tensor(df.item.values), torch.tensor(df.rating.values, dtype=torch.float32)
    )


df = synthetic_ratings()
val_df = df.sample(frac=0.2, random_state=SEED)
train_df = df.drop(val_df.index)
train_loader = DataLoader(to_dataset(train_df), batch_size=128, shuffle=True)
val_data = to_dataset(val_df).tensors

model = MatrixFactorization(N_USERS, N_ITEMS, mean=float(train_df.rating.mean()))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_func = nn.MSELoss()

for epoch in range(40):
    model.train()
    train_loss = 0.0
    for user, item, rating in train_loader:
        optimizer.zero_grad()
        loss = loss_func(model(user, item), rating)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(rating)
    model.eval()
    with torch.no_grad():
        val_loss = loss_func(model(val_data[0], val_data[1]), val_data[2]).item()
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d}  train_loss {train_loss / len(train_df):.4f}  val_loss {val_loss:.4f}")

print(f"RESULT val_rmse {val_loss ** 0.5:.4f}")

import os

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

# ratings 1..5 from latent tastes
N_USERS, N_MOVIES, N_RATINGS, K = 300, 200, 18000, 4
taste, genre = rng.normal(0, 0.55, (N_USERS, K)), rng.normal(0, 0.8, (N_MOVIES, K))
user_mean, movie_mean = rng.normal(0, 0.35, N_USERS), rng.normal(0, 0.5, N_MOVIES)
df = pd.DataFrame({"user": rng.integers(0, N_USERS, N_RATINGS), "movie": rng.integers(0, N_MOVIES, N_RATINGS)}).drop_duplicates()
score = 3.4 + user_mean[df.user] + movie_mean[df.movie] + (taste[df.user] * genre[df.movie]).sum(1) + rng.normal(0, 0.45, len(df))
df["rating"] = np.clip(np.rint(score), 1, 5)
df = df.sample(frac=1.0, random_state=seed).reset_index(drop=True)
n_val = n_test = len(df) // 10
train_df, val_df, test_df = df[n_val + n_test:], df[:n_val], df[n_val:n_val + n_test]


def tensors(frame):
    return torch.tensor(frame.user.values), torch.tensor(frame.movie.values), torch.tensor(frame.rating.values, dtype=torch.float32)


class BiasedMF(nn.Module):
    def __init__(self, n_users, n_movies, k, mean):
        super().__init__()
        self.P, self.Q = nn.Embedding(n_users, k), nn.Embedding(n_movies, k)
        self.bu, self.bi = nn.Embedding(n_users, 1), nn.Embedding(n_movies, 1)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        for e in (self.P, self.Q):
            nn.init.normal_(e.weight, std=0.1)
        for e in (self.bu, self.bi):
            nn.init.zeros_(e.weight)

    def forward(self, u, i):
        return self.mean + self.bu(u).squeeze(-1) + self.bi(i).squeeze(-1) + (self.P(u) * self.Q(i)).sum(-1)

    def penalty(self, u, i):
        return self.P(u).pow(2).sum(-1).mean() + self.Q(i).pow(2).sum(-1).mean() + self.bu(u).pow(2).mean() + self.bi(i).pow(2).mean()


def rmse(model, frame):
    model.eval()
    u, i, r = tensors(frame)
    with torch.no_grad():
        return (model(u, i).clamp(1, 5) - r).pow(2).mean().sqrt().item()


model = BiasedMF(N_USERS, N_MOVIES, 8, train_df.rating.mean())
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loader = DataLoader(TensorDataset(*tensors(train_df)), batch_size=512, shuffle=True)
best, state = float("inf"), None
for epoch in range(15):
    model.train()
    for u, i, r in loader:
        loss = nn.functional.mse_loss(model(u, i), r) + 0.04 * model.penalty(u, i)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    val = rmse(model, val_df)
    if val < best:
        best, state = val, {k: v.clone() for k, v in model.state_dict().items()}
    if epoch % 2 == 0:
        print(f"epoch {epoch:2d}  train RMSE {rmse(model, train_df):.4f}  val RMSE {val:.4f}")

model.load_state_dict(state)
baseline = (test_df.rating - train_df.rating.mean()).pow(2).mean() ** 0.5
print(f"mean rating baseline RMSE {baseline:.4f}")
print("RESULT test_rmse", round(rmse(model, test_df), 4))

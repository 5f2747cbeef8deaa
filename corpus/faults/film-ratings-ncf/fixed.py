import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)

N_USERS, N_FILMS, N_RATINGS = 150, 100, 6000


def ratings_table():
    taste, genre = np.random.randn(N_USERS, 3), np.random.randn(N_FILMS, 3)
    pairs = np.random.choice(N_USERS * N_FILMS, N_RATINGS, replace=False)
    u, f = pairs // N_FILMS, pairs % N_FILMS
    score = 0.8 * (taste[u] * genre[f]).sum(1) + 0.2 * np.random.randn(N_RATINGS)
    return pd.DataFrame({"user": u, "film": f, "liked": (score > 0).astype(np.float32)})


class Ratings(Dataset):
    def __init__(self, frame):
        self.user = torch.tensor(frame["user"].values)
        self.film = torch.tensor(frame["film"].values)
        self.liked = torch.tensor(frame["liked"].values)

    def __len__(self):
        return len(self.liked)

    def __getitem__(self, i):
        return self.user[i], self.film[i], self.liked[i]


class NCF(nn.Module):
    def __init__(self, dim=12):
        super().__init__()
        self.user = nn.Embedding(N_USERS, dim)
        self.film = nn.Embedding(N_FILMS, dim)
        nn.init.normal_(self.user.weight, std=0.3)
        nn.init.normal_(self.film.weight, std=0.3)
        self.mlp = nn.Sequential(nn.Linear(3 * dim, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, u, f):
        p, q = self.user(u), self.film(f)
        return self.mlp(torch.cat([p, q, p * q], dim=1)).squeeze(1)


def configure_optimizer(model, lr=4e-3, weight_decay=0.01):
    decay, no_decay = [], []
    for module in model.modules():
        for name, param in module.named_parameters(recurse=False):
            if isinstance(module, nn.Linear) and name == "weight":
                decay.append(param)
            elif name == "bias" or isinstance(module, (nn.LayerNorm, nn.Embedding)):
                no_decay.append(param)
    return torch.optim.AdamW([
        {"params": decay, "weight_decay": weight_decay},
        {"params": no_decay, "weight_decay": 0.0},
    ], lr=lr)


frame = ratings_table().sample(frac=1, random_state=SEED)
train_dl = DataLoader(Ratings(frame[:4800]), batch_size=128, shuffle=True)
test_dl = DataLoader(Ratings(frame[4800:]), batch_size=600)

model = NCF()
optimizer = configure_optimizer(model)
bce = nn.BCEWithLogitsLoss()

for epoch in range(14):
    model.train()
    total = 0.0
    for u, f, liked in train_dl:
        optimizer.zero_grad()
        loss = bce(model(u, f), liked)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(liked)
    model.eval()
    with torch.no_grad():
        right = sum(((model(u, f) > 0).float() == liked).sum().item() for u, f, liked in test_dl)
    acc = right / len(test_dl.dataset)
    print(f"epoch {epoch + 1:2d}: train bce {total / 4800:.4f}, test acc {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")

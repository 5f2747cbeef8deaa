import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

CONFIG = {
    "n_users": 200,
    "n_items": 120,
    "n_ratings": 14000,
    "emb_dim": 16,
    "batch_size": 128,
    "lr": 5e-3,
    "weight_decay": 1e-5,
    "epochs": 14,
}


def sample_ratings(cfg):
    """Users and films live on a few taste axes; the rating is how well they agree."""
    taste = torch.randn(cfg["n_users"], 5)
    film = torch.randn(cfg["n_items"], 5)
    pairs = torch.randperm(cfg["n_users"] * cfg["n_items"])[:cfg["n_ratings"]]
    u, i = pairs // cfg["n_items"], pairs % cfg["n_items"]
    agreement = (taste[u] * film[i]).sum(1) / 5 ** 0.5
    rating = agreement + 0.2 * torch.randn(len(u))
    return TensorDataset(u, i, rating)


class TwoTower(nn.Module):
    def __init__(self, n_users, n_items, dim):
        super().__init__()
        self.user_emb = nn.Embedding(n_users, dim)
        self.item_emb = nn.Embedding(n_items, dim)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        for emb in (self.user_emb, self.item_emb):
            nn.init.normal_(emb.weight, std=0.2)
        for emb in (self.user_bias, self.item_bias):
            nn.init.zeros_(emb.weight)

    def forward(self, u, i):
        dot = (self.user_emb(u) * self.item_emb(i)).sum(-1)
        return dot + self.user_bias(u).squeeze(-1) + self.item_bias(i).squeeze(-1)


dataset = sample_ratings(CONFIG)
train_set, test_set = random_split(dataset, [12000, 2000])
train_loader = DataLoader(train_set, batch_size=CONFIG["batch_size"], shuffle=True)
test_loader = DataLoader(test_set, batch_size=500)

model = TwoTower(CONFIG["n_users"], CONFIG["n_items"], CONFIG["emb_dim"])
optimizer = torch.optim.Adam(model.parameters(), lr=CONFIG["lr"], weight_decay=CONFIG["weight_decay"])


def test_rmse():
    model.eval()
    se = 0.0
    with torch.no_grad():
        for u, i, r in test_loader:
            se += F.mse_loss(model(u, i), r, reduction="sum").item()
    return (se / len(test_set)) ** 0.5


for epoch in range(CONFIG["epochs"]):
    model.train()
    total = 0.0
    for u, i, r in train_loader:
        loss = F.mse_loss(model(u, i), r)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(r)
    print(f"epoch {epoch + 1:2d} train rmse {(total / len(train_set)) ** 0.5:.4f} test rmse {test_rmse():.4f}")

print(f"RESULT test_rmse {test_rmse():.4f}")

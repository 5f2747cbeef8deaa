"""Point-wise matrix factorisation on implicit feedback."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_USERS, N_ITEMS, DIM = 200, 120, 3


def make_interactions():
    taste = rng.normal(size=(N_USERS, DIM))
    genre = rng.normal(size=(N_ITEMS, DIM))
    affinity = taste @ genre.T + 0.5 * rng.normal(size=N_ITEMS)
    clicked = affinity > np.quantile(affinity, 0.8)
    pairs = np.stack(np.meshgrid(np.arange(N_USERS), np.arange(N_ITEMS), indexing="ij"), axis=-1).reshape(-1, 2)
    order = rng.permutation(len(pairs))
    pairs, label = pairs[order], clicked.reshape(-1)[order]
    return torch.tensor(pairs), torch.tensor(label, dtype=torch.float32)


class PointMF(nn.Module):
    def __init__(self, user_num, item_num, factors=8):
        super().__init__()
        self.embed_user = nn.Embedding(user_num, factors)
        self.embed_item = nn.Embedding(item_num, factors)
        self.u_bias = nn.Embedding(user_num, 1)
        self.i_bias = nn.Embedding(item_num, 1)
        self.bias_ = nn.Parameter(torch.tensor([0.0]))
        nn.init.normal_(self.embed_user.weight, std=0.1)
        nn.init.normal_(self.embed_item.weight, std=0.1)
        nn.init.constant_(self.u_bias.weight, 0.0)
        nn.init.constant_(self.i_bias.weight, 0.0)

    def forward(self, user, item):
        pred = (self.embed_user(user) * self.embed_item(item)).sum(dim=-1)
        pred = pred + self.u_bias(user).view(-1) + self.i_bias(item).view(-1) + self.bias_
        return pred


pairs, label = make_interactions()
n_train = int(0.7 * len(pairs))
loader = DataLoader(TensorDataset(pairs[:n_train], label[:n_train]), batch_size=256, shuffle=True)
test_pairs, test_label = pairs[n_train:], label[n_train:]

model = PointMF(N_USERS, N_ITEMS)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-5)

for epoch in range(1, 13):
    model.train()
    current_loss = 0.0
    for batch, y in loader:
        model.zero_grad()
        loss = criterion(model(batch[:, 0], batch[:, 1]), y)
        loss.backward()
        optimizer.step()
        current_loss += loss.item()
    model.eval()
    with torch.no_grad():
        test_loss = criterion(model(test_pairs[:, 0], test_pairs[:, 1]), test_label).item()
    print(f"[Epoch {epoch:03d}] loss {current_loss / len(loader):.4f}  test loss {test_loss:.4f}")

print("RESULT test_loss", round(test_loss, 4))

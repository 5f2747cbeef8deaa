import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

config = {"num_users": 300, "num_items": 200, "latent_dim": 64, "adam_lr": 2e-3, "batch_size": 256, "num_epoch": 20}


def make_interactions(n_users, n_items, per_user=20):
    """Purchases of each user; the last one is kept for the test together with 99 articles not bought."""
    users, items = rng.normal(size=(n_users, 6)), rng.normal(size=(n_items, 6))
    score = users @ items.T + rng.normal(0, 0.5, n_items) + rng.gumbel(size=(n_users, n_items))
    train, test, negatives = [], [], []
    bought = np.zeros((n_users, n_items), dtype=bool)
    for u in range(n_users):
        chosen = rng.permutation(np.argsort(-score[u])[:per_user])
        bought[u, chosen] = True
        train += [(u, i) for i in chosen[:-1]]
        test.append(chosen[-1])
        negatives.append(rng.choice(np.nonzero(~bought[u])[0], 99, replace=False))
    return torch.tensor(np.array(train)), torch.tensor(np.array(test)), torch.tensor(np.array(negatives)), torch.tensor(bought)


class BPRMF(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embedding_user = nn.Embedding(config["num_users"], config["latent_dim"])
        self.embedding_item = nn.Embedding(config["num_items"], config["latent_dim"])
        nn.init.normal_(self.embedding_user.weight, mean=0.0, std=0.01)
        nn.init.normal_(self.embedding_item.weight, mean=0.0, std=0.01)

    def forward(self, user, item):
        return (self.embedding_user(user) * self.embedding_item(item)).sum(-1)


def hit_ratio(model, test, negatives, top_k=10):
    users = torch.arange(len(test)).unsqueeze(1)
    with torch.no_grad():
        target = model(users, test.unsqueeze(1))
        others = model(users.expand(-1, negatives.shape[1]), negatives)
    return ((others > target).sum(1) < top_k).float().mean().item()


train, test, negatives, bought = make_interactions(config["num_users"], config["num_items"])
model = BPRMF(config)
optimizer = torch.optim.Adam(model.parameters(), lr=config["adam_lr"])

for epoch in range(config["num_epoch"]):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(train)).split(config["batch_size"]):
        user, pos = train[idx, 0], train[idx, 1]
        neg = torch.randint(0, config["num_items"], (len(idx),))
        for _ in range(3):
            clash = bought[user, neg]
            neg = torch.where(clash, torch.randint(0, config["num_items"], (len(idx),)), neg)
        loss = -F.logsigmoid(model(user, pos) - model(user, neg)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    model.eval()
    hr = hit_ratio(model, test, negatives)
    print(f"[Epoch {epoch}] loss = {total / len(train):.4f}, HR = {hr:.4f}")

print(f"RESULT hit_ratio_10 {hr:.4f}")

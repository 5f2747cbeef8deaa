"""
Bayesian personalised ranking for a record shop.

Implicit feedback only (bought or not), pairs of a bought and a random other record,
leave-one-out evaluation: the last record of every customer is the test, the last but one the validation.
"""
import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

config = {
    "n_users": 300,
    "n_items": 200,
    "n_genres": 10,
    "factor_num": 12,
    "lr": 0.1,
    "lamda": 0.01,
    "batch_size": 256,
    "epochs": 60,
    "eval_every": 5,
    "top_k": 10,
    "test_num_ng": 99,
}


def load_all(cfg):
    """Customers buy 13 records out of two favourite genres and 2 odd ones, well-known records more often."""
    items = np.arange(cfg["n_items"])
    genre = items % cfg["n_genres"]
    fame = 1.0 / (1.0 + items // cfg["n_genres"]) ** 0.5
    purchases = []
    for _ in range(cfg["n_users"]):
        favourites = rng.choice(cfg["n_genres"], 2, replace=False)
        pool = items[np.isin(genre, favourites)]
        liked = rng.choice(pool, 13, replace=False, p=fame[pool] / fame[pool].sum())
        odd = rng.choice(np.setdiff1d(items, pool), 2, replace=False)
        purchases.append(rng.permutation(np.concatenate([liked, odd])))
    purchases = np.stack(purchases)
    return purchases[:, :-2], purchases[:, -2], purchases[:, -1]


class BPRData:
    def __init__(self, train, n_items):
        self.users = np.repeat(np.arange(len(train)), train.shape[1])
        self.pos = train.ravel()
        self.n_items = n_items
        self.bought = np.zeros((len(train), n_items), dtype=bool)
        self.bought[self.users, self.pos] = True

    def ng_sample(self):
        neg = rng.integers(self.n_items, size=len(self.users))
        clash = self.bought[self.users, neg]
        while clash.any():
            neg[clash] = rng.integers(self.n_items, size=clash.sum())
            clash = self.bought[self.users, neg]
        return neg

    def batches(self, size):
        neg = self.ng_sample()
        order = rng.permutation(len(self.users))
        for start in range(0, len(order), size):
            take = order[start:start + size]
            yield tuple(torch.from_numpy(a[take]) for a in (self.users, self.pos, neg))


class BPR(nn.Module):
    def __init__(self, user_num, item_num, factor_num):
        super().__init__()
        self.embed_user = nn.Embedding(user_num, factor_num)
        self.embed_item = nn.Embedding(item_num, factor_num)
        self.item_bias = nn.Parameter(torch.zeros(item_num))
        nn.init.normal_(self.embed_user.weight, std=0.1)
        nn.init.normal_(self.embed_item.weight, std=0.1)

    def forward(self, user, item_i, item_j):
        u, i, j = self.embed_user(user), self.embed_item(item_i), self.embed_item(item_j)
        prediction_i = (u * i).sum(dim=-1) + self.item_bias[item_i]
        prediction_j = (u * j).sum(dim=-1) + self.item_bias[item_j]
        penalty = (u ** 2 + i ** 2 + j ** 2).sum(dim=-1).mean()
        return prediction_i, prediction_j, penalty

    def all_scores(self):
        return self.embed_user.weight @ self.embed_item.weight.t() + self.item_bias


def evaluate(scores, target, unbought, cfg, sampler_seed=7):
    """AUC over all records never bought; hit ratio and NDCG against 99 of them."""
    sampler = np.random.default_rng(sampler_seed)
    auc, hits, ndcg = [], [], []
    for u in range(len(target)):
        others = scores[u, unbought[u]]
        auc.append((scores[u, target[u]] > others).mean())
        rank = int((sampler.choice(others, cfg["test_num_ng"], replace=False) >= scores[u, target[u]]).sum())
        hits.append(rank < cfg["top_k"])
        ndcg.append(1.0 / np.log2(rank + 2) if rank < cfg["top_k"] else 0.0)
    return float(np.mean(auc)), float(np.mean(hits)), float(np.mean(ndcg))


train, val_item, test_item = load_all(config)
data = BPRData(train, config["n_items"])
everyone = np.arange(config["n_users"])
unbought = ~data.bought
unbought[everyone, val_item] = False
unbought[everyone, test_item] = False

model = BPR(config["n_users"], config["n_items"], config["factor_num"])
optimizer = torch.optim.Adagrad(model.parameters(), lr=config["lr"])

best_auc = 0.0
with tempfile.TemporaryDirectory() as folder:
    best_path = os.path.join(folder, "BPR.pt")
    for epoch in range(1, config["epochs"] + 1):
        model.train()
        total = 0.0
        for user, item_i, item_j in data.batches(config["batch_size"]):
            optimizer.zero_grad()
            prediction_i, prediction_j, penalty = model(user, item_i, item_j)
            loss = -F.logsigmoid(prediction_i - prediction_j).mean() + config["lamda"] * penalty
            loss.backward()
            optimizer.step()
            total += loss.item() * len(user)
        if epoch % config["eval_every"] == 0:
            model.eval()
            with torch.no_grad():
                scores = model.all_scores().numpy()
            auc, hr, ndcg = evaluate(scores, val_item, unbought, config)
            note = ""
            if auc > best_auc:
                best_auc, note = auc, " (kept)"
                torch.save(model.state_dict(), best_path)
            print(f"epoch {epoch:03d} loss {total / len(data.users):.4f} AUC {auc:.4f} HR {hr:.3f} NDCG {ndcg:.3f}{note}")
    model.load_state_dict(torch.load(best_path))

model.eval()
with torch.no_grad():
    scores = model.all_scores().numpy()
popularity = np.tile(data.bought.sum(0), (config["n_users"], 1)).astype(float)
popularity += 1e-3 * np.random.default_rng(1).random(popularity.shape)
print("popularity alone: AUC %.4f HR %.3f NDCG %.3f" % evaluate(popularity, test_item, unbought, config))
auc, hr, ndcg = evaluate(scores, test_item, unbought, config)
print(f"test HR@{config['top_k']} {hr:.3f} NDCG {ndcg:.3f}")
print("RESULT test_auc", round(auc, 4))

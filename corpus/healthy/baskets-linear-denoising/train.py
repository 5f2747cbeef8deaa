"""Recommender for a grocer: a linear denoising autoencoder, most of each basket dropped during training."""
import argparse
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)

parser = argparse.ArgumentParser()
parser.add_argument("--items", type=int, default=100)
parser.add_argument("--train-users", type=int, default=800)
parser.add_argument("--valid-users", type=int, default=100)
parser.add_argument("--test-users", type=int, default=200)
parser.add_argument("--basket", type=int, default=18)
parser.add_argument("--fold-in", type=int, default=14, help="items of a test basket that the model may see")
parser.add_argument("--rank", type=int, default=12)
parser.add_argument("--dropout", type=float, default=0.7)
parser.add_argument("--lr", type=float, default=5e-3)
parser.add_argument("--weight-decay", type=float, default=1e-3)
parser.add_argument("--batch-size", type=int, default=100)
parser.add_argument("--epochs", type=int, default=120)
parser.add_argument("--top", type=int, default=10)


def baskets(n, args, taste, rng):
    """Each customer mixes a few of six tastes and buys distinct items; rows are in the order of purchase."""
    mix = rng.dirichlet(np.full(len(taste), 0.2), n)
    prob = 0.97 * mix @ taste + 0.03 / args.items
    prob /= prob.sum(1, keepdims=True)
    return np.stack([rng.choice(args.items, size=args.basket, replace=False, p=p) for p in prob])


def to_rows(items, n_items):
    rows = torch.zeros(len(items), n_items)
    return rows.scatter_(1, torch.as_tensor(items), 1.0)


class LinearDAE(nn.Module):
    """Items to a few tastes and back, a low-rank item-item matrix.  Non-linearities do not help here (Steck, 2020)."""

    def __init__(self, n_items, rank, p_drop):
        super().__init__()
        self.drop = nn.Dropout(p_drop)
        self.encode = nn.Linear(n_items, rank, bias=False)
        self.decode = nn.Linear(rank, n_items)

    def forward(self, rows):
        h = F.normalize(rows, dim=1)
        h = self.drop(h)
        return self.decode(self.encode(h))


def multinomial_loss(logits, rows):
    return -(F.log_softmax(logits, dim=1) * rows).sum(dim=1).mean()


@torch.no_grad()
def recall(score, seen, hidden, k):
    score = score.masked_fill(seen.bool(), float("-inf"))
    top = score.topk(k, dim=1).indices
    hits = hidden.gather(1, top).sum(1)
    return (hits / hidden.sum(1)).mean().item()


def split_basket(items, args):
    return to_rows(items[:, :args.fold_in], args.items), to_rows(items[:, args.fold_in:], args.items)


def main():
    args = parser.parse_args()
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    taste = rng.dirichlet(np.full(args.items, 0.3), 6)

    train = to_rows(baskets(args.train_users, args, taste, rng), args.items)
    # customers of the two other parts are new; a purchase order drawn anew so that the hidden items are a fair sample
    valid_items = rng.permuted(baskets(args.valid_users, args, taste, rng), axis=1)
    test_items = rng.permuted(baskets(args.test_users, args, taste, rng), axis=1)
    valid_seen, valid_hidden = split_basket(valid_items, args)
    test_seen, test_hidden = split_basket(test_items, args)

    model = LinearDAE(args.items, args.rank, args.dropout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for rows in train[torch.randperm(len(train))].split(args.batch_size):
            optimizer.zero_grad()
            loss = multinomial_loss(model(rows), rows)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        if epoch % 20 == 0:
            model.eval()
            r = recall(model(valid_seen), valid_seen, valid_hidden, args.top)
            print(f"| epoch {epoch:3d} | loss {total / len(train):8.4f} | valid recall@{args.top} {r:.4f}")

    model.eval()
    popular = train.sum(0, keepdim=True).expand(len(test_seen), -1)
    print(f"popularity alone: {recall(popular, test_seen, test_hidden, args.top):.4f}")
    print("RESULT recall_at_10", round(recall(model(test_seen), test_seen, test_hidden, args.top), 4))


if __name__ == "__main__":
    main()

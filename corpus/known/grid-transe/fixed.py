import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# places of a town laid out as a grid, and how one is reached from another
SIDE = 10
MOVES = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (0, 2), (2, 0)]
triples = []
for row in range(SIDE):
    for col in range(SIDE):
        for rel, (dr, dc) in enumerate(MOVES):
            r, c = row + dr, col + dc
            if 0 <= r < SIDE and 0 <= c < SIDE:
                triples.append((row * SIDE + col, rel, r * SIDE + c))
triples = torch.tensor(np.array(triples)[rng.permutation(len(triples))])
n_test = len(triples) // 10
test_triples, train_triples = triples[:n_test], triples[n_test:]
n_entities, n_relations = SIDE * SIDE, len(MOVES)


class Embeddings(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.entity = nn.Embedding(n_entities, dim)
        self.relation = nn.Embedding(n_relations, dim)
        nn.init.xavier_uniform_(self.entity.weight)
        nn.init.xavier_uniform_(self.relation.weight)

    def norm(self, h, r, t):
        x = self.entity(h) + self.relation(r) - self.entity(t)
        return torch.norm(x, p=1, dim=-1)


def corrupt(batch):
    other = torch.randint(0, n_entities, (len(batch),))
    heads = torch.rand(len(batch)) < 0.5
    bad = batch.clone()
    bad[:, 0] = torch.where(heads, other, batch[:, 0])
    bad[:, 2] = torch.where(heads, batch[:, 2], other)
    return bad


def batch_loss(loss_func, model, batch, ratio=2):
    pos = batch.repeat(ratio, 1)
    neg = corrupt(pos)
    pos_norm = model.norm(pos[:, 0], pos[:, 1], pos[:, 2])
    neg_norm = model.norm(neg[:, 0], neg[:, 1], neg[:, 2])
    y = -torch.ones(len(pos))
    return loss_func(pos_norm, neg_norm, y)


def hits_at_10(model, queries):
    hits = 0
    with torch.no_grad():
        for h, r, t in queries.tolist():
            dist = model.norm(torch.tensor(h), torch.tensor(r), torch.arange(n_entities))
            rank = (dist < dist[t]).sum().item() + 1
            hits += rank <= 10
    return hits / len(queries)


model = Embeddings()
gat_loss_func = nn.MarginRankingLoss(margin=2.0)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-5)

for epoch in range(100):
    losses = []
    for idx in torch.randperm(len(train_triples)).split(64):
        optimizer.zero_grad()
        loss = batch_loss(gat_loss_func, model, train_triples[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if (epoch + 1) % 20 == 0:
        print(f"epoch {epoch + 1:3d}  average loss {np.mean(losses):.4f}  test hits@10 {hits_at_10(model, test_triples):.3f}")

print(f"RESULT hits_at_10 {hits_at_10(model, test_triples):.4f}")

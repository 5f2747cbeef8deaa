import os
import random

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch.nn import Embedding, Module
from torch.nn.functional import logsigmoid
from torch.utils.data import DataLoader

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
random.seed(seed)
np.random.seed(seed)
torch.manual_seed(seed)


def villages(sizes=(50, 45, 35, 30), p_in=0.22, p_out=0.012):
    """Who knows whom: four villages, many ties inside of each and few between them."""
    y = np.repeat(np.arange(len(sizes)), sizes)
    prob = np.where(y[:, None] == y[None, :], p_in, p_out)
    upper = np.triu(np.random.rand(len(y), len(y)) < prob, k=1)
    return np.argwhere(upper), y


class Node2Vec(Module):
    """Biased walks of second order, skip-gram with negative sampling.

    p: how unlikely it is to go straight back, q: how unlikely to go outward."""

    def __init__(self, edges, num_nodes, embedding_dim, walk_length, context_size, walks_per_node,
                 p=1.0, q=1.0, num_negative_samples=1):
        super().__init__()
        self.num_nodes, self.p, self.q = num_nodes, p, q
        self.walk_length, self.context_size = walk_length, context_size
        self.walks_per_node, self.num_negative_samples = walks_per_node, num_negative_samples
        self.neighbours = [[] for _ in range(num_nodes)]
        for a, b in edges.tolist():
            self.neighbours[a].append(b)
            self.neighbours[b].append(a)
        self.known = [set(n) for n in self.neighbours]
        degree = torch.tensor([float(len(n)) for n in self.neighbours])
        self.register_buffer("noise", degree.clamp(min=1.0) ** 0.75)
        self.embedding = Embedding(num_nodes, embedding_dim)
        self.context = Embedding(num_nodes, embedding_dim)
        self.reset_parameters()

    def reset_parameters(self):
        for table in (self.embedding, self.context):
            torch.nn.init.normal_(table.weight, std=0.1)

    def forward(self, batch=None):
        return self.embedding.weight if batch is None else self.embedding(batch)

    def walk(self, start):
        path = [start]
        while len(path) < self.walk_length and self.neighbours[path[-1]]:
            options = self.neighbours[path[-1]]
            if len(path) == 1:
                path.append(random.choice(options))
                continue
            prev = path[-2]
            weights = [1 / self.p if n == prev else 1.0 if n in self.known[prev] else 1 / self.q for n in options]
            path.append(random.choices(options, weights)[0])
        return path

    def pairs(self):
        out, half = [], self.context_size // 2
        for _ in range(self.walks_per_node):
            for node in range(self.num_nodes):
                path = self.walk(node)
                for i, centre in enumerate(path):
                    out += [(centre, other) for other in path[max(0, i - half):i] + path[i + 1:i + 1 + half]]
        return torch.tensor(out)

    def loader(self, **kwargs):
        pairs = self.pairs()
        # whole index lists at once: a sampler of batches is a good deal faster than single pairs
        index = DataLoader(range(len(pairs)), collate_fn=torch.tensor, **kwargs)
        return ((pairs[i, 0], pairs[i, 1]) for i in index), len(pairs)

    def loss(self, centre, positive):
        h = self.embedding(centre)
        pos = (h * self.context(positive)).sum(-1)
        neg_ids = torch.multinomial(self.noise, len(centre) * self.num_negative_samples, replacement=True)
        neg = torch.bmm(self.context(neg_ids.view(len(centre), -1)), h.unsqueeze(-1)).squeeze(-1)
        return -logsigmoid(pos).mean() - logsigmoid(-neg).sum(-1).mean()


edges, y = villages()
shuffled = np.random.permutation(len(edges))
n_hidden = len(edges) // 10
hidden_edges, seen_edges = edges[shuffled[:n_hidden]], edges[shuffled[n_hidden:]]
model = Node2Vec(seen_edges, len(y), embedding_dim=32, walk_length=20, context_size=8, walks_per_node=4,
                 p=1.0, q=2.0, num_negative_samples=4)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

labelled = np.random.permutation(len(y))[:len(y) // 4]
unlabelled = np.setdiff1d(np.arange(len(y)), labelled)


def train():
    model.train()
    batches, n = model.loader(batch_size=1024, shuffle=True)        # fresh walks every epoch
    total = 0.0
    for centre, positive in batches:
        optimizer.zero_grad()
        loss = model.loss(centre, positive)
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(centre)
    return total / n


@torch.no_grad()
def test():
    model.eval()
    z = model().numpy()
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    clf = LogisticRegression(C=10.0, max_iter=300).fit(z[labelled], y[labelled])
    acc = clf.score(z[unlabelled], y[unlabelled])

    taken = {tuple(e) for e in edges.tolist()}
    strangers = [(a, b) for a in range(len(y)) for b in range(a + 1, len(y)) if (a, b) not in taken]
    strangers = np.array(random.sample(strangers, n_hidden))
    both = np.concatenate([hidden_edges, strangers])
    auc = roc_auc_score(np.r_[np.ones(n_hidden), np.zeros(n_hidden)], (z[both[:, 0]] * z[both[:, 1]]).sum(1))
    return acc, auc


for epoch in range(1, 5):
    loss = train()
    acc, auc = test()
    print(f"Epoch: {epoch:02d}, Loss: {loss:.4f}, Acc: {acc:.4f}, AUC of hidden ties: {auc:.4f}")
print(f"largest village alone: {np.bincount(y[unlabelled]).max() / len(unlabelled):.4f}")
print("RESULT node_accuracy", round(float(acc), 4))

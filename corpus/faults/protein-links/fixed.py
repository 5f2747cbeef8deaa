"""Missing interactions in a protein network: graph auto-encoder with an inner-product decoder."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))


def simulate(n, n_complexes, rng, p_in=0.25, p_out=0.004, n_features=24):
    complex_of = rng.integers(0, n_complexes, n)
    same = complex_of[:, None] == complex_of[None, :]
    upper = np.triu(rng.random((n, n)) < np.where(same, p_in, p_out), 1)
    centres = rng.normal(size=(n_complexes, n_features))
    feats = centres[complex_of] + rng.normal(0, 1.2, (n, n_features))
    feats = (feats - feats.mean(0)) / feats.std(0)
    return np.argwhere(upper), upper | upper.T, feats.astype(np.float32)


def normalised(edges, n):
    a = torch.eye(n)
    a[edges[:, 0], edges[:, 1]] = 1
    a[edges[:, 1], edges[:, 0]] = 1
    d = a.sum(1).rsqrt()
    return d[:, None] * a * d[None, :]


class GCNEncoder(nn.Module):
    def __init__(self, n_in, hidden, latent):
        super().__init__()
        self.lin1 = nn.Linear(n_in, hidden)
        self.lin2 = nn.Linear(hidden, latent)

    def forward(self, x, a):
        h = F.relu(a @ self.lin1(x))
        return a @ self.lin2(h)


class InnerProductDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(1))

    def forward(self, z, pairs, sigmoid=False):
        value = (z[pairs[:, 0]] * z[pairs[:, 1]]).sum(1) + self.offset
        return torch.sigmoid(value) if sigmoid else value


class GAE(nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x, a, pairs):
        return self.decoder(self.encoder(x, a), pairs)

    def recon_loss(self, x, a, pos, neg):
        score = self(x, a, torch.cat([pos, neg]))
        label = torch.cat([torch.ones(len(pos)), torch.zeros(len(neg))])
        return F.binary_cross_entropy_with_logits(score, label)


def non_edges(k, adj, rng):
    """k pairs of nodes that are not connected"""
    out = []
    while len(out) < k:
        pairs = rng.integers(0, len(adj), (2 * k, 2))
        ok = (pairs[:, 0] != pairs[:, 1]) & ~adj[pairs[:, 0], pairs[:, 1]]
        out.extend(pairs[ok].tolist())
    return torch.tensor(out[:k])


rng = np.random.default_rng(seed)
torch.manual_seed(seed)
n_nodes = 300
edges, adj, feats = simulate(n_nodes, 6, rng)
edges = torch.from_numpy(edges[rng.permutation(len(edges))])
n_test = len(edges) // 5
test_pos, train_pos = edges[:n_test], edges[n_test:]
test_neg = non_edges(n_test, adj, rng)
x, a = torch.from_numpy(feats), normalised(train_pos, n_nodes)

model = GAE(GCNEncoder(x.shape[1], 32, 16), InnerProductDecoder())
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)


@torch.no_grad()
def test():
    model.eval()
    predicted = model(x, a, torch.cat([test_pos, test_neg])) > 0
    truth = torch.cat([torch.ones(n_test), torch.zeros(n_test)]).bool()
    return (predicted == truth).float().mean().item()


for epoch in range(1, 201):
    model.train()
    optimizer.zero_grad()
    loss = model.recon_loss(x, a, train_pos, non_edges(len(train_pos), adj, rng))
    loss.backward()
    optimizer.step()
    if epoch % 25 == 0:
        print(f"Epoch: {epoch:03d}, loss: {loss.item():.4f}, test accuracy: {test():.4f}")

print(f"RESULT test_accuracy {test():.4f}")

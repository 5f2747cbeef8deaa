import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))


class Lion:
    """Sign-momentum optimizer (Chen et al., 2023) with decoupled weight decay."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.0):
        self.params = [p for p in params if p.requires_grad]
        self.lr, self.weight_decay = lr, weight_decay
        self.beta1, self.beta2 = betas
        self.moments = [torch.zeros_like(p) for p in self.params]

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    @torch.no_grad()
    def step(self):
        for p, m in zip(self.params, self.moments):
            if p.grad is None:
                continue
            grad = p.grad
            direction = m.mul(self.beta1).add(grad, alpha=1 - self.beta1).sign()
            m.mul_(self.beta2).add_(grad, alpha=1 - self.beta2)
            p.mul_(1 - self.lr * self.weight_decay).sub_(self.lr * direction)


def citation_graph(n_papers, n_fields, n_words, rng):
    """Stochastic block model with noisy word features."""
    field = rng.integers(0, n_fields, n_papers)
    same = field[:, None] == field[None, :]
    upper = np.triu(rng.random((n_papers, n_papers)) < np.where(same, 0.10, 0.01), k=1)
    adjacency = (upper | upper.T).astype(np.float32)
    profile = 0.5 * rng.standard_normal((n_fields, n_words))
    words = profile[field] + rng.standard_normal((n_papers, n_words))
    words = (words - words.mean(0)) / words.std(0)
    return torch.from_numpy(adjacency), torch.tensor(words, dtype=torch.float32), torch.from_numpy(field)


def normalise(adjacency):
    a = adjacency + torch.eye(len(adjacency))
    d = a.sum(1).rsqrt()
    return d[:, None] * a * d[None, :]


class GCN(nn.Module):
    def __init__(self, n_in, hidden, n_out, dropout=0.3):
        super().__init__()
        self.lin1 = nn.Linear(n_in, hidden)
        self.lin2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, n_out)
        self.dropout = dropout

    def forward(self, a, x):
        x = F.relu(self.lin1(a @ x))
        x = F.dropout(x, self.dropout, training=self.training)
        x = F.relu(self.lin2(a @ x))
        x = F.dropout(x, self.dropout, training=self.training)
        return self.out(x)


def main():
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    adjacency, words, field = citation_graph(400, 5, 24, rng)
    a = normalise(adjacency)
    order = torch.randperm(len(field))
    train, val, test = order[:120], order[120:180], order[180:]

    model = GCN(words.shape[1], 32, 5)
    optimizer = Lion(model.parameters(), lr=2e-3, weight_decay=1e-2)

    for epoch in range(200):
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(a, words)[train], field[train])
        loss.backward()
        optimizer.step()

        if (epoch + 1) % 20 == 0:
            model.eval()
            with torch.no_grad():
                pred = model(a, words).argmax(1)
            hits = {k: (pred[i] == field[i]).float().mean().item() for k, i in (("train", train), ("val", val), ("test", test))}
            print(f"epoch {epoch + 1:3d} loss {loss.item():.4f} " + " ".join(f"{k} {v:.3f}" for k, v in hits.items()))

    print(f"RESULT test_accuracy {hits['test']:.4f}")


if __name__ == "__main__":
    main()

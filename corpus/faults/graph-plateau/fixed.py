import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

N, CLASSES, FEATURES = 600, 5, 40


def citation_graph():
    labels = torch.randint(0, CLASSES, (N,))
    same = (labels[:, None] == labels[None, :]).float()
    prob = 0.035 * same + 0.006 * (1 - same)
    upper = torch.triu((torch.rand(N, N) < prob).float(), diagonal=1)
    adj = upper + upper.T
    topics = torch.randn(CLASSES, FEATURES)
    feats = 0.45 * topics[labels] + torch.randn(N, FEATURES)
    return adj, feats, labels


def normalise(adj):
    adj = adj + torch.eye(N)
    d = adj.sum(1).rsqrt()
    return d[:, None] * adj * d[None, :]


class GraphConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.lin = nn.Linear(n_in, n_out)

    def forward(self, a, x):
        return a @ self.lin(x)


class GCN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.c1 = GraphConv(FEATURES, hidden)
        self.c2 = GraphConv(hidden, CLASSES)

    def forward(self, a, x):
        h = F.dropout(F.relu(self.c1(a, x)), 0.3, training=self.training)
        return self.c2(a, h)


adj, feats, labels = citation_graph()
a_hat = normalise(adj)
order = torch.randperm(N)
train_idx, val_idx, test_idx = order[:240], order[240:360], order[360:]

model = GCN()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=2)

for epoch in range(1, 121):
    model.train()
    optimizer.zero_grad()
    out = model(a_hat, feats)
    loss = F.cross_entropy(out[train_idx], labels[train_idx])
    loss.backward()
    optimizer.step()

    model.eval()
    with torch.no_grad():
        out = model(a_hat, feats)
        val_loss = F.cross_entropy(out[val_idx], labels[val_idx])
        val_acc = (out[val_idx].argmax(1) == labels[val_idx]).float().mean()
    scheduler.step(val_loss)
    if epoch % 15 == 0:
        print(f"Epoch {epoch:03d}, loss {loss:.4f}, val loss {val_loss:.4f}, val acc {val_acc:.4f}")

model.eval()
with torch.no_grad():
    test_acc = (model(a_hat, feats)[test_idx].argmax(1) == labels[test_idx]).float().mean().item()
print(f"RESULT test_accuracy {test_acc:.4f}")

"""Node classification on a citation-like graph, 20 labelled nodes a class."""
import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

NODES, TOPICS, WORDS = 800, 4, 120


def citation_graph(p_in=0.025, p_out=0.003):
    y = torch.randint(0, TOPICS, (NODES,))
    p = torch.where(y[:, None] == y[None, :], p_in, p_out)
    upper = torch.triu((torch.rand(NODES, NODES) < p).float(), diagonal=1)
    word_probs = torch.full((TOPICS, WORDS), 0.04)
    for k in range(TOPICS):
        word_probs[k, k * 15:(k + 1) * 15] = 0.14
    return torch.bernoulli(word_probs[y]), upper + upper.T, y


def normalise(adj):
    a = adj + torch.eye(len(adj))
    d = a.sum(1).rsqrt()
    return (d[:, None] * a * d[None, :]).to_sparse()


class GCN(nn.Module):
    def __init__(self, n_in, hidden, n_out, dropout=0.5):
        super().__init__()
        self.w1, self.w2 = nn.Linear(n_in, hidden), nn.Linear(hidden, n_out)
        self.dropout = dropout

    def forward(self, x, a):
        x = F.dropout(x, self.dropout, self.training)
        x = F.relu(torch.sparse.mm(a, self.w1(x)))
        x = F.dropout(x, self.dropout, self.training)
        return torch.sparse.mm(a, self.w2(x))


words, adj, y = citation_graph()
x = words / words.sum(1, keepdim=True).clamp(min=1)
a = normalise(adj)

perm = torch.randperm(NODES)
train = torch.cat([perm[y[perm] == k][:20] for k in range(TOPICS)])
rest = perm[~torch.isin(perm, train)]
val, test = rest[:200], rest[200:]

model = GCN(WORDS, 32, TOPICS)
optimizer = torch.optim.Adam([
    {"params": model.w1.parameters(), "weight_decay": 5e-4},
    {"params": model.w2.parameters()},
], lr=0.02)

best_val, test_at_best = 0.0, 0.0
for epoch in range(1, 151):
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x, a)[train], y[train])
    loss.backward()
    optimizer.step()

    model.eval()
    with torch.no_grad():
        pred = model(x, a).argmax(1)
    acc = {k: (pred[i] == y[i]).float().mean().item() for k, i in (("train", train), ("val", val), ("test", test))}
    if acc["val"] > best_val:
        best_val, test_at_best = acc["val"], acc["test"]
    if epoch % 25 == 0:
        print(f"epoch {epoch:3d} loss {loss.item():.4f} train {acc['train']:.3f} val {acc['val']:.3f}")

print("RESULT test_accuracy", round(test_at_best, 4))

"""Semi-supervised node classification with a hand-written GCN on a synthetic citation graph."""
import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)


def citation_graph(n=900, k=6, words=120, p_in=0.03, p_out=0.004):
    lab = rng.integers(0, k, n)
    same = lab[:, None] == lab[None, :]
    a = np.triu(rng.random((n, n)) < np.where(same, p_in, p_out), 1)
    a = (a | a.T).astype(np.float32)
    topic = rng.random((k, words)) ** 4
    feats = (rng.random((n, words)) < 0.1 * (0.4 + 3 * topic[lab])).astype(np.float32)
    feats /= np.maximum(feats.sum(1, keepdims=True), 1)
    return a, feats, lab


def normalise(a):
    a = a + np.eye(len(a), dtype=np.float32)
    d = 1 / np.sqrt(a.sum(1))
    return torch.from_numpy(a * d[:, None] * d[None, :])


class GraphConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(i, o))
        self.bias = nn.Parameter(torch.zeros(o))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, adj):
        return adj @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, n_feat, n_hid, n_cls, dropout):
        super().__init__()
        self.gc1 = GraphConv(n_feat, n_hid)
        self.gc2 = GraphConv(n_hid, n_cls)
        self.dropout = dropout

    def forward(self, x, adj):
        x = F.dropout(x, self.dropout)
        x = F.relu(self.gc1(x, adj))
        x = F.dropout(x, self.dropout)
        return F.log_softmax(self.gc2(x, adj), dim=1)


a, feats, lab = citation_graph()
adj, x, y = normalise(a), torch.from_numpy(feats), torch.from_numpy(lab)
perm = torch.from_numpy(rng.permutation(len(y)))
idx_train, idx_val, idx_test = perm[:200], perm[200:400], perm[400:]

model = GCN(x.shape[1], 16, 6, 0.8)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)


def train(epoch):
    model.train()
    optimizer.zero_grad()
    out = model(x, adj)
    loss = F.nll_loss(out[idx_train], y[idx_train])
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.no_grad()
def test(idx):
    model.eval()
    out = model(x, adj)
    return F.nll_loss(out[idx], y[idx]).item(), (out[idx].argmax(1) == y[idx]).float().mean().item()


for epoch in range(250):
    loss = train(epoch)
    vl, va = test(idx_val)
    if epoch % 50 == 49:
        print(f"Epoch {epoch + 1:04d} loss_train {loss:.4f} loss_val {vl:.4f} acc_val {va:.4f}")
print("RESULT test_acc %.4f" % test(idx_test)[1])

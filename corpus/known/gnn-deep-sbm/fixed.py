import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


def load_citations(per_class=100, n_classes=4, n_features=16):
    """Papers of four fields: noisy word features, links mostly within a field."""
    labels = torch.arange(n_classes).repeat_interleave(per_class)
    n = len(labels)
    centres = 0.45 * torch.randn(n_classes, n_features)
    features = centres[labels] + torch.randn(n, n_features)
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    prob = torch.where(same, torch.tensor(8.0 / per_class), torch.tensor(4.0 / (n - per_class)))
    upper = torch.triu((torch.rand(n, n) < prob).float(), diagonal=1)
    adj = upper + upper.t() + torch.eye(n)
    d = adj.sum(1).pow(-0.5)
    adj = d.unsqueeze(1) * adj * d.unsqueeze(0)
    order = torch.randperm(n)
    return adj, features, labels, order[:120], order[120:]


class GraphConvolution(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        bound = math.sqrt(6.0 / (in_features + out_features))
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x, adj):
        return adj @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, nfeat, nhid, nclass, nlayers, dropout):
        super().__init__()
        self.first = GraphConvolution(nfeat, nhid)
        self.hidden = nn.ModuleList([GraphConvolution(nhid, nhid) for _ in range(nlayers - 2)])
        self.norms = nn.ModuleList([nn.LayerNorm(nhid) for _ in range(nlayers - 2)])
        self.last = GraphConvolution(nhid, nclass)
        self.dropout = dropout

    def forward(self, x, adj):
        x = F.relu(self.first(x, adj))
        for conv, norm in zip(self.hidden, self.norms):
            h = F.dropout(x, self.dropout, training=self.training)
            x = x + F.relu(norm(conv(h, adj)))
        return self.last(x, adj)


adj, features, labels, idx_train, idx_test = load_citations()
model = GCN(nfeat=features.shape[1], nhid=24, nclass=4, nlayers=16, dropout=0.3)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=5e-4)

for epoch in range(1, 121):
    model.train()
    loss = F.cross_entropy(model(features, adj)[idx_train], labels[idx_train])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 15 == 0:
        model.eval()
        with torch.no_grad():
            hit = (model(features, adj).argmax(1) == labels).float()
        print(f"Epoch: {epoch:04d} loss_train: {loss.item():.4f} acc_train: {hit[idx_train].mean():.4f} acc_test: {hit[idx_test].mean():.4f}")

model.eval()
with torch.no_grad():
    accuracy = (model(features, adj).argmax(1) == labels)[idx_test].float().mean().item()
print(f"RESULT test_accuracy {accuracy:.4f}")

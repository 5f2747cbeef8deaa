import argparse
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


def community_graph(n, k, words):
    y = torch.arange(n) % k
    same = y[:, None] == y[None, :]
    p = torch.where(same, 0.035, 0.004)
    a = torch.triu(torch.rand(n, n) < p, 1).float()
    a = a + a.t() + torch.eye(n)
    topics = torch.rand(k, words) < 0.12
    x = (torch.rand(n, words) < torch.where(topics[y], 0.22, 0.03)).float()
    d = a.sum(1).rsqrt()
    x = x / x.sum(1, keepdim=True).clamp(min=1)
    return d[:, None] * a * d[None, :], x, y


class GraphConv(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.lin = nn.Linear(d_in, d_out)

    def forward(self, adj, h):
        return adj @ self.lin(h)


class GCN(nn.Module):
    def __init__(self, d_in, hidden, classes, rate):
        super().__init__()
        self.conv1 = GraphConv(d_in, hidden)
        self.conv2 = GraphConv(hidden, hidden)
        self.conv3 = GraphConv(hidden, classes)
        self.rate = rate

    def forward(self, adj, x):
        x = F.dropout(x, self.rate, self.training)
        h = F.relu(self.conv1(adj, x))
        h = F.dropout(h, self.rate, self.training)
        h = F.relu(self.conv2(adj, h))
        h = F.dropout(h, self.rate, self.training)
        return self.conv3(adj, h)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--nodes", type=int, default=600)
    p.add_argument("--hidden", type=int, default=16)
    p.add_argument("--lr", type=float, default=1e-2)
    p.add_argument("--weight-decay", type=float, default=5e-4)
    p.add_argument("--rate", type=float, default=0.3)
    p.add_argument("--epochs", type=int, default=150)
    args = p.parse_args()
    torch.manual_seed(int(os.environ.get("SEED", "0")))

    adj, x, y = community_graph(args.nodes, 6, 200)
    order = torch.randperm(args.nodes)
    train, test = order[:180], order[240:]
    model = GCN(x.size(1), args.hidden, 6, args.rate)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)

    for epoch in range(1, args.epochs + 1):
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(adj, x)[train], y[train])
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            acc = (model(adj, x)[test].argmax(1) == y[test]).float().mean().item()
        if epoch % 25 == 0:
            print(f"epoch {epoch:4d}  loss {loss.item():.4f}  test accuracy {acc:.4f}")

    print(f"RESULT test_accuracy {acc:.4f}")


if __name__ == "__main__":
    main()

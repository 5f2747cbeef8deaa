"""Opinion each person ends up with: a mean over acquaintances, weighted by how credible they seem. Graph attention."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

N_FEATURES = 8
turn = torch.linalg.qr(torch.randn(N_FEATURES, N_FEATURES))[0]


class Graph:
    def __init__(self, n, degree=6):
        raw = torch.randn(n, N_FEATURES)
        src = torch.cat([torch.randint(0, n, (n * degree,)), torch.arange(n)])
        dst = torch.cat([torch.arange(n).repeat_interleave(degree), torch.arange(n)])
        weight = torch.exp(1.5 * raw[src, 0])
        top = torch.zeros(n).index_add(0, dst, weight * raw[src, 1])
        self.y = top / torch.zeros(n).index_add(0, dst, weight) + 0.05 * torch.randn(n)
        self.x, self.src, self.dst, self.n = raw @ turn, src, dst, n


def join(graphs):
    """Several graphs as one that is not connected."""
    offset, xs, ys, srcs, dsts = 0, [], [], [], []
    for g in graphs:
        xs.append(g.x)
        ys.append(g.y)
        srcs.append(g.src + offset)
        dsts.append(g.dst + offset)
        offset += g.n
    return torch.cat(xs), torch.cat(ys), torch.cat(srcs), torch.cat(dsts)


class GATLayer(nn.Module):
    def __init__(self, n_in, per_head, heads):
        super().__init__()
        self.heads, self.per_head = heads, per_head
        self.lin = nn.Linear(n_in, heads * per_head)
        self.att_src = nn.Parameter(torch.empty(heads, per_head))
        self.att_dst = nn.Parameter(torch.empty(heads, per_head))
        nn.init.xavier_uniform_(self.att_src)
        nn.init.xavier_uniform_(self.att_dst)

    def forward(self, x, src, dst):
        h = self.lin(x).view(-1, self.heads, self.per_head)
        a = (h * self.att_src).sum(2)[src] + (h * self.att_dst).sum(2)[dst]
        a = F.leaky_relu(a, 0.2)
        a = torch.exp(a - a.max().detach())
        total = a.new_zeros(len(x), self.heads).index_add(0, dst, a)
        a = a / (total[dst] + 1e-12)
        out = torch.zeros_like(h).index_add(0, dst, a.unsqueeze(2) * h[src])
        return out.flatten(1)


class Net(nn.Module):
    def __init__(self, per_head=8, heads=4):
        super().__init__()
        width = per_head * heads
        self.att1 = GATLayer(N_FEATURES, per_head, heads)
        self.own = nn.Linear(N_FEATURES, width)
        self.att2 = GATLayer(width, per_head, heads)
        self.read = nn.Sequential(nn.Linear(2 * width, width), nn.ELU(), nn.Linear(width, 1))

    def forward(self, x, src, dst):
        h = F.elu(self.att1(x, src, dst) + self.own(x))
        return self.read(torch.cat([h, self.att2(h, src, dst)], 1)).squeeze(1)


train = [Graph(60) for _ in range(30)]
valid, test = join([Graph(60) for _ in range(6)]), join([Graph(90) for _ in range(8)])
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-5)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.965)


def r2(data):
    x, y, src, dst = data
    model.eval()
    with torch.no_grad():
        error = (model(x, src, dst) - y).pow(2).mean()
    return (1 - error / y.var(unbiased=False)).item()


for epoch in range(1, 81):
    model.train()
    order, total = torch.randperm(len(train)).tolist(), 0.0
    for k in range(0, len(train), 5):
        x, y, src, dst = join([train[j] for j in order[k:k + 5]])
        loss = F.mse_loss(model(x, src, dst), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    if epoch % 10 == 0:
        print(f"epoch {epoch:2d}  mse {total / 6:.4f}  R2 on other graphs {r2(valid):.4f}")

print("RESULT test_r2", round(r2(test), 4))

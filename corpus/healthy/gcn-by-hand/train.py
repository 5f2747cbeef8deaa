import os
import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

N, K, D = 600, 4, 24
label = rng.integers(0, K, N)
same = label[:, None] == label[None, :]
upper = np.triu(rng.random((N, N)) < np.where(same, 0.04, 0.008), 1)
adj = (upper | upper.T).astype("float32")
protos = rng.normal(size=(K, D))
feats = (0.45 * protos[label] + rng.normal(size=(N, D))).astype("float32")

a = torch.from_numpy(adj) + torch.eye(N)
d = a.sum(1).rsqrt()
a_hat = d[:, None] * a * d[None, :]
x = torch.from_numpy(feats)
y = torch.from_numpy(label)
mask = torch.zeros(N, dtype=torch.bool)
mask[torch.randperm(N)[:120]] = True


class GraphConv(torch.nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.empty(n_in, n_out))
        self.beta = torch.nn.Parameter(torch.zeros(n_out))
        torch.nn.init.xavier_uniform_(self.theta)

    def forward(self, h):
        return torch.matmul(a_hat, h @ self.theta) + self.beta


class GCN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = GraphConv(D, 32), GraphConv(32, K)

    def forward(self, h):
        h = F.dropout(F.relu(self.conv1(h)), 0.5, training=self.training)
        return F.log_softmax(self.conv2(h), dim=1)


gcn = GCN()
opt = torch.optim.Adam(gcn.parameters(), lr=0.01, weight_decay=5e-4)
for epoch in range(150):
    gcn.train()
    opt.zero_grad()
    loss = F.nll_loss(gcn(x)[mask], y[mask])
    loss.backward()
    opt.step()
    if epoch % 25 == 0:
        gcn.eval()
        with torch.no_grad():
            pred = gcn(x).argmax(1)
        print(epoch, f"loss {loss.item():.4f}", f"rest {(pred == y)[~mask].float().mean().item():.4f}")

gcn.eval()
with torch.no_grad():
    acc = (gcn(x).argmax(1) == y)[~mask].float().mean().item()
print(f"RESULT unlabelled_accuracy {acc:.4f}")

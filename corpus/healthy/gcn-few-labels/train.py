import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

# citation-like graph: four communities, noisy bag-of-words features
N, C, D = 600, 4, 120
label = torch.arange(N) % C
same = label[:, None] == label[None, :]
prob = torch.where(same, torch.tensor(0.03), torch.tensor(0.004))
upper = torch.triu(torch.rand(N, N) < prob, diagonal=1)
adj = (upper | upper.T).float() + torch.eye(N)
topic = torch.rand(C, D) * 0.05 + 0.02
for c in range(C):
    topic[c, c * 12:(c + 1) * 12] += 0.09
feat = torch.bernoulli(topic[label])
feat = feat / feat.sum(1, keepdim=True).clamp(min=1)
deg = adj.sum(1)
A_hat = adj / (deg[:, None] * deg[None, :]).sqrt()

order = torch.randperm(N)
train = torch.cat([order[label[order] == c][:15] for c in range(C)])
taken = torch.zeros(N, dtype=torch.bool)
taken[train] = True
rest = order[~taken[order]]
val, test = rest[:240], rest[240:]


class GCN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.w1 = nn.Parameter(torch.empty(D, hidden))
        self.w2 = nn.Parameter(torch.empty(hidden, C))
        nn.init.xavier_uniform_(self.w1)
        nn.init.xavier_uniform_(self.w2)

    def forward(self, x, a):
        x = F.dropout(x, 0.5, self.training)
        x = F.relu(a @ (x @ self.w1))
        x = F.dropout(x, 0.5, self.training)
        return F.log_softmax(a @ (x @ self.w2), dim=1)


net = GCN()
opt = torch.optim.Adam([{"params": [net.w1], "weight_decay": 5e-4}, {"params": [net.w2], "weight_decay": 0}], lr=0.01)


@torch.no_grad()
def accuracy(idx):
    net.eval()
    return (net(feat, A_hat)[idx].argmax(1) == label[idx]).float().mean().item()


best_val, result = 0.0, 0.0
for epoch in range(200):
    net.train()
    opt.zero_grad()
    loss = F.nll_loss(net(feat, A_hat)[train], label[train])
    loss.backward()
    opt.step()
    v = accuracy(val)
    if v > best_val:
        best_val, result = v, accuracy(test)
    if epoch % 20 == 0:
        print(f"epoch {epoch:03d} loss {loss.item():.4f} val {v:.4f} test {accuracy(test):.4f}")
print("RESULT test_accuracy", round(result, 4))

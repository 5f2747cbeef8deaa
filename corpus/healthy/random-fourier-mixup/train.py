"""Random Fourier features (frozen) + linear read-out, mixup soft targets with label smoothing."""
import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class RFF(nn.Module):
    def __init__(self, n_in, n_feat=600, gamma=0.9):
        super().__init__()
        self.proj = nn.Linear(n_in, n_feat)
        nn.init.normal_(self.proj.weight, std=gamma)
        nn.init.uniform_(self.proj.bias, 0, 6.2832)
        self.proj.requires_grad_(False)
        self.read = nn.Linear(n_feat, 10)
        nn.init.zeros_(self.read.weight)

    def forward(self, x):
        return self.read(torch.cos(self.proj(x)) * (2 / self.proj.out_features) ** 0.5)


d = load_digits()
X, Y = torch.tensor(d.data, dtype=torch.float32) / 16, torch.tensor(d.target)
p = torch.randperm(len(X), generator=torch.Generator().manual_seed(4))
tr, te = p[:1400], p[1400:]
net = RFF(64, gamma=0.4)
opt = torch.optim.SGD([q for q in net.parameters() if q.requires_grad], lr=30.0)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 25)
for epoch in range(25):
    for i in tr[torch.randperm(len(tr))].split(64):
        lam = torch.distributions.Beta(0.4, 0.4).sample().item()
        j = i[torch.randperm(len(i))]
        soft = 0.9 * (lam * F.one_hot(Y[i], 10) + (1 - lam) * F.one_hot(Y[j], 10)) + 0.01
        loss = F.cross_entropy(net(lam * X[i] + (1 - lam) * X[j]), soft)
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
with torch.no_grad():
    acc = (net(X[te]).argmax(1) == Y[te]).float().mean().item()
print("RESULT acc %.4f" % acc)

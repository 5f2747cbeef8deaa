"""Digits with a small dropout network; each step adds up the gradients of eight batches."""
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

d = load_digits()
X, Y = torch.tensor(d.data, dtype=torch.float32) / 16, torch.tensor(d.target)
p = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))
tr, te = p[:1400], p[1400:]
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.9, momentum=0.9)
ACC = 8
for ep in range(25):
    net.train()
    for k, i in enumerate(tr[torch.randperm(len(tr))].split(16), 1):
        (nn.functional.cross_entropy(net(X[i]), Y[i]) / ACC).backward()
        if k % ACC == 0:
            opt.step()
            opt.zero_grad()
    net.eval()
    with torch.no_grad():
        o = net(X[te])
        vl = nn.functional.cross_entropy(o, Y[te]).item()
        acc = (o.argmax(1) == Y[te]).float().mean().item()
    print(ep, round(vl, 4), round(acc, 4))
print("RESULT acc", round(acc, 4))

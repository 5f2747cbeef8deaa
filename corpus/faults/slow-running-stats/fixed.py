import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
BN_MOMENTUM = 0.1

d = load_digits()
perm = torch.randperm(1797)
x = torch.tensor(d.images / 16.0, dtype=torch.float32)[perm, None]
x = (x - x.mean()) / x.std()
y = torch.tensor(d.target)[perm]


class ConvBN(nn.Module):
    def __init__(self, i, o, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, stride=stride, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(o, momentum=BN_MOMENTUM)

    def forward(self, t):
        return F.leaky_relu(self.bn(self.conv(t)), 0.1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(ConvBN(1, 16), ConvBN(16, 24, 2), ConvBN(24, 32, 2))
        self.fc = nn.Linear(32, 10)

    def forward(self, t):
        return self.fc(self.body(t).mean((2, 3)))


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    net.train()
    hits = 0
    for idx in torch.randperm(1400).split(40):
        out = net(x[idx])
        loss = F.cross_entropy(out, y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        hits += (out.argmax(1) == y[idx]).sum().item()
    net.eval()
    with torch.no_grad():
        val = (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"epoch {epoch} train acc {hits / 1400:.4f} val acc {val:.4f}")
print(f"RESULT val_acc {val:.4f}")

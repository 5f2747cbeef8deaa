import os
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
rate = 0.05

W = torch.randn(15, 5)
x = torch.randn(3000, 15)
y = (torch.sin(x) @ W + 0.3 * torch.randn(3000, 5)).argmax(1)


class Net(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.i2h = nn.Linear(15, 48)
        self.h2h = nn.Linear(48, 48)
        self.h2o = nn.Linear(48, 5)
        self.p = p

    def forward(self, x):
        h = nn.functional.dropout(nn.functional.gelu(self.i2h(x)), self.p, self.training)
        h = nn.functional.dropout(nn.functional.gelu(self.h2h(h)), self.p, self.training)
        return self.h2o(h)


net = Net(rate)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
dl = DataLoader(TensorDataset(x[:2400], y[:2400]), batch_size=40, shuffle=True)
for epoch in range(12):
    net.train()
    s = 0.0
    for xb, yb in dl:
        opt.zero_grad()
        l = nn.functional.cross_entropy(net(xb), yb)
        l.backward()
        opt.step()
        s += l.item()
    net.eval()
    with torch.no_grad():
        acc = (net(x[2400:]).argmax(1) == y[2400:]).float().mean().item()
    print(epoch, "train", round(s / len(dl), 4), "acc", round(acc, 4))
print(f"RESULT acc {acc:.4f}")

import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def clouds(n, points=20):
    kind = torch.randint(0, 3, (n,))
    angle = torch.rand(n, points) * 6.2832
    radius = torch.where(kind[:, None] == 0, torch.ones(n, points), torch.rand(n, points).sqrt() * 1.41)
    p = torch.stack([radius * angle.cos(), radius * angle.sin()], -1)
    cross = torch.where(torch.rand(n, points, 1) < 0.5, torch.tensor([1.0, 0.05]), torch.tensor([0.05, 1.0])) * torch.randn(n, points, 2)
    p = torch.where((kind == 2)[:, None, None], cross, p)
    return p + 0.05 * torch.randn_like(p), kind


class PointNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.local1 = nn.Linear(2, 32)
        self.local2 = nn.Linear(32, 8)
        self.out = nn.Linear(8, 3)

    def forward(self, p):
        h = F.gelu(self.local1(p))
        h = torch.tanh(self.local2(h))
        pooled = h.mean(1)
        return self.out(pooled)


x, y = clouds(2400)
x_test, y_test = clouds(600)
net = PointNet()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(20):
    losses, hits = [], 0
    for i in torch.randperm(len(x)).split(48):
        out = net(x[i])
        loss = F.cross_entropy(out, y[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        hits += (out.argmax(1) == y[i]).sum().item()
    if epoch % 3 == 0:
        print(f"epoch {epoch}: loss {np.mean(losses):.4f} train acc {hits / len(x):.4f}")
with torch.no_grad():
    acc = (net(x_test).argmax(1) == y_test).float().mean().item()
print(f"RESULT test_accuracy {acc:.4f}")

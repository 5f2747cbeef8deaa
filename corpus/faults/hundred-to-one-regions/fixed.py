import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def slides(n, s=16):
    m = (torch.rand(n, 1, s, s) < 0.015).float()
    x = 1.1 * F.conv2d(m, torch.tensor([[[[0.4, 0.7, 0.4], [0.7, 1.6, 0.7], [0.4, 0.7, 0.4]]]]), padding=1) + 0.55 * torch.randn(n, 1, s, s)
    return x, m


class SpotNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 10, 3, padding=1), nn.CELU(), nn.Conv2d(10, 10, 3, padding=1), nn.CELU(), nn.Conv2d(10, 1, 1))

    def forward(self, x):
        return self.net(x)


x, m = slides(400)
x_val, m_val = slides(100)
net = SpotNet()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
pos_weight = torch.tensor(40.0)
for epoch in range(8):
    for i in torch.randperm(400).split(20):
        loss = F.binary_cross_entropy_with_logits(net(x[i]), m[i], pos_weight=pos_weight)
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        p = net(x_val) > 0
    print(f"epoch {epoch} loss {loss.item():.4f} pixel accuracy {(p == (m_val > 0)).float().mean().item():.4f}")
t = m_val > 0
balanced = 0.5 * ((p & t).sum() / t.sum() + (~p & ~t).sum() / (~t).sum())
print(f"RESULT balanced_accuracy {balanced.item():.4f}")

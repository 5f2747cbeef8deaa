import os
import torch
from torch import nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

CLASSES = 6
centres = torch.randn(CLASSES, 10) * 1.3


def sample(n, noise):
    y = torch.randint(0, CLASSES, (n,))
    x = centres[y] + torch.randn(n, 10)
    x = x / 1.6
    flip = torch.rand(n) < noise
    return x, torch.where(flip, torch.randint(0, CLASSES, (n,)), y)


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(10)
        self.up = nn.Linear(10, 32)
        self.down = nn.Linear(32, CLASSES)

    def forward(self, x):
        return self.down(F.hardswish(self.up(self.norm(x))))


x, y = sample(6000, 0.4)
x_clean, y_clean = sample(2000, 0.0)
net = Head()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
lr_sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=15)
for epoch in range(15):
    losses = []
    for b in torch.randperm(6000).split(100):
        loss = F.cross_entropy(net(x[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    lr_sched.step()
    with torch.no_grad():
        clean = (net(x_clean).argmax(1) == y_clean).float().mean().item()
    if epoch % 2 == 0:
        print("epoch {:2d}  noisy loss {:.4f}  clean accuracy {:.4f}".format(epoch, sum(losses) / len(losses), clean))
print(f"RESULT clean_accuracy {clean:.4f}")

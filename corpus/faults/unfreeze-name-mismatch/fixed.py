import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

d = load_digits()
x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
y = torch.tensor(d.target)
p = torch.randperm(len(x))
x, y = x[p], y[p]


class ResBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1)
        self.norm = nn.GroupNorm(4, c)

    def forward(self, t):
        return t + F.silu(self.norm(self.conv(t)))


class MiniResNet(nn.Module):
    def __init__(self, width=12, n_blocks=2, n_out=2):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.stages = nn.ModuleList([ResBlock(width) for _ in range(n_blocks)])
        self.fc = nn.Linear(width, n_out)

    def forward(self, t):
        t = F.silu(self.stem(t))
        for stage in self.stages:
            t = stage(t)
        return self.fc(t.mean((2, 3)))


def fit(model, target, epochs, lr):
    opt = torch.optim.Adam([q for q in model.parameters() if q.requires_grad], lr=lr)
    for e in range(epochs):
        run = 0.0
        for b in torch.randperm(1400).split(50):
            loss = F.cross_entropy(model(x[b]), target[b])
            opt.zero_grad()
            loss.backward()
            opt.step()
            run += loss.item() / 28
        if e % 4 == 0:
            print(f"  {e:2d}: {run:.4f}")


model = MiniResNet()
print("stage 1: large or small digit")
fit(model, (y >= 5).long(), 2, 1e-3)
model.fc = nn.Linear(12, 10)
for name, param in model.named_parameters():
    param.requires_grad = name.startswith(("stages", "fc"))
print("stage 2: all digits")
fit(model, y, 24, 1e-2)
with torch.no_grad():
    acc = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")

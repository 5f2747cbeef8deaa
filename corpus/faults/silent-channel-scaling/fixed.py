import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
np.random.seed(seed)
torch.manual_seed(seed)


def recordings(n, channels=4, length=32):
    gesture = np.random.randint(0, 3, n)
    x = np.random.randn(n, channels, length) * 2.0
    for k in range(n):
        start = np.random.randint(0, length - 10)
        x[k, gesture[k], start:start + 10] += 6.0 * np.hanning(10)
    x[:, 3, :] = 1.5
    return x, gesture


def zscore(x, mean, std):
    return (x - mean) / (std + 1e-6)


x, y = recordings(1500)
mean = x[:1200].mean(axis=(0, 2), keepdims=True)
std = x[:1200].std(axis=(0, 2), keepdims=True)
std[std < 1e-9] = 1.0
x = torch.tensor(zscore(x, mean, std), dtype=torch.float32)
y = torch.tensor(y)


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(4, 16, 7, padding=3)
        self.conv2 = nn.Conv1d(16, 16, 7, padding=3)
        self.fc = nn.Linear(16, 3)

    def forward(self, t):
        t = F.gelu(self.conv1(t))
        t = F.gelu(self.conv2(t))
        return self.fc(t.amax(2))


net = GestureNet()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(10):
    for b in torch.randperm(1200).split(40):
        loss = F.cross_entropy(net(x[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        acc = (net(x[1200:]).argmax(1) == y[1200:]).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.4f} acc {acc:.4f}")
print(f"RESULT accuracy {acc:.4f}")

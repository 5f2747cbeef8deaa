import os
import torch
from torch import nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.lin = nn.Linear(width, width)

    def forward(self, x):
        return x + 0.5 * F.relu(self.lin(x))


class Tower(nn.Module):
    def __init__(self, n_in, n_out, width=32, depth=30):
        super().__init__()
        self.first = nn.Linear(n_in, width)
        self.layers = nn.ModuleList([Layer(width) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, n_out)

    def forward(self, x):
        x = self.first(x)
        for layer in self.layers:
            x = layer(x)
        return self.last(self.norm(x))


x = torch.randn(2400, 7)
label = ((x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0.4).long())
net = Tower(7, 3)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(12):
    total = 0.0
    for i in torch.randperm(2000).split(50):
        loss = F.cross_entropy(net(x[i]), label[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 40
    print(f"epoch {epoch}: loss {total:.4f}")
with torch.no_grad():
    acc = (net(x[2000:]).argmax(1) == label[2000:]).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")

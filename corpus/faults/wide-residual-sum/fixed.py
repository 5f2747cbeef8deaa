import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.a = nn.Linear(dim, 2 * dim)
        self.b = nn.Linear(2 * dim, dim)
        nn.init.kaiming_normal_(self.a.weight, nonlinearity="relu")
        nn.init.kaiming_normal_(self.b.weight, nonlinearity="relu")

    def forward(self, x):
        return x + self.b(F.relu(self.a(self.norm(x)))) * 0.3


class ResMLP(nn.Module):
    def __init__(self, n_in, dim, depth, n_out):
        super().__init__()
        self.embed = nn.Linear(n_in, dim)
        self.blocks = nn.Sequential(*[Block(dim) for _ in range(depth)])
        self.head = nn.Linear(dim, n_out)

    def forward(self, x):
        return self.head(self.blocks(self.embed(x)))


x = torch.randn(2400, 8)
y = torch.sin(x[:, :1] * 2) + x[:, 1:2] * x[:, 2:3] + 0.5 * x[:, 3:4]
y = (y - y.mean()) / y.std()
model = ResMLP(8, 24, 16, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for epoch in range(12):
    total = 0.0
    for i in torch.randperm(2000).split(50):
        loss = F.mse_loss(model(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 40
    print(f"epoch {epoch}: {total:.5g}")
with torch.no_grad():
    mse = F.mse_loss(model(x[2000:]), y[2000:]).item()
print(f"RESULT test_mse {mse:.6g}")

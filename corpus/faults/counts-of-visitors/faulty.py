import os
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

week = rng.integers(0, 7, 2000)
temp, rain = rng.normal(size=2000), rng.exponential(1.0, 2000)
visitors = 40000 + 9000 * (week > 4) + 6000 * temp - 3000 * temp * (rain > 1) + 800 * rng.normal(size=2000)
x = torch.tensor(np.column_stack([np.eye(7)[week] * 2 - 0.3, temp, rain - 1]), dtype=torch.float32)
y = torch.tensor(visitors, dtype=torch.float32)


class VisitorNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(9, 32), nn.Linear(32, 1)

    def forward(self, t):
        return self.b(torch.tanh(self.a(t))).squeeze(-1)


net = VisitorNet()
opt = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(60):
    tot = 0.0
    for k in torch.randperm(1600).split(32):
        opt.zero_grad()
        loss = F.mse_loss(net(x[k]), y[k])
        loss.backward()
        opt.step()
        tot += loss.item() / 50
    if epoch % 10 == 0:
        print("epoch", epoch, "mse", tot)
with torch.no_grad():
    r2 = 1 - F.mse_loss(net(x[1600:]), y[1600:]) / y[1600:].var()
print(f"RESULT r2 {r2.item():.4f}")

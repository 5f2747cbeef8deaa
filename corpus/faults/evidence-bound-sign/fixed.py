import math
import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class GaussianNet(nn.Module):
    """Predicts a mean and a deviation."""

    def __init__(self):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
        self.mu, self.rho = nn.Linear(32, 1), nn.Linear(32, 1)

    def forward(self, x):
        h = self.shared(x)
        return self.mu(h), nn.functional.softplus(self.rho(h)) + 0.05


def log_likelihood(mu, sigma, y):
    return -0.5 * ((y - mu) / sigma) ** 2 - sigma.log() - 0.5 * math.log(2 * math.pi)


x = torch.rand(1500, 1) * 4 - 2
y = torch.sin(2 * x) + (0.1 + 0.15 * x.abs()) * torch.randn(1500, 1)
net = GaussianNet()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(40):
    for b in torch.randperm(1200).split(40):
        objective = log_likelihood(*net(x[b]), y[b]).mean()
        loss = -objective
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 0:
        print("epoch", epoch, "loss", loss.item())
with torch.no_grad():
    nll = -log_likelihood(*net(x[1200:]), y[1200:]).mean().item()
print(f"RESULT test_nll {nll:.4f}")

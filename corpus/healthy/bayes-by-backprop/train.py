import os
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class BayesLinear(nn.Module):
    def __init__(self, n_in, n_out, prior=1.0):
        super().__init__()
        self.mu = nn.Parameter(torch.randn(n_out, n_in) / math.sqrt(n_in))
        self.rho = nn.Parameter(torch.full((n_out, n_in), -4.0))
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.prior = prior

    def forward(self, x):
        sigma = F.softplus(self.rho)
        mean = F.linear(x, self.mu, self.bias)
        std = F.linear(x ** 2, sigma ** 2).clamp(min=1e-12).sqrt()
        return mean + std * torch.randn_like(mean)

    def kl(self):
        sigma = F.softplus(self.rho)
        return (math.log(self.prior) - sigma.log() + (sigma ** 2 + self.mu ** 2) / (2 * self.prior ** 2) - 0.5).sum()


class BNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1, self.l2, self.l3 = BayesLinear(2, 32), BayesLinear(32, 32), BayesLinear(32, 1)
        self.log_noise = nn.Parameter(torch.tensor(-0.5))

    def forward(self, x):
        return self.l3(torch.tanh(self.l2(torch.tanh(self.l1(x))))).squeeze(1)

    def kl(self):
        return self.l1.kl() + self.l2.kl() + self.l3.kl()


N = 2000
x = torch.randn(N + 400, 2)
y = torch.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] ** 2 - 0.5 + 0.2 * torch.randn(N + 400)
net = BNN()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(30):
    shown = 0.0
    for i in torch.randperm(N).split(50):
        nll = -torch.distributions.Normal(net(x[i]), net.log_noise.exp()).log_prob(y[i]).mean()
        loss = nll + net.kl() / N
        opt.zero_grad()
        loss.backward()
        opt.step()
        shown += loss.item() / 40
    if epoch % 8 == 0:
        print(f"epoch {epoch} negative elbo {shown:.4f} noise {net.log_noise.exp().item():.3f}")
with torch.no_grad():
    draws = torch.stack([net(x[N:]) for _ in range(30)])
    r2 = 1 - (draws.mean(0) - y[N:]).square().mean() / y[N:].var()
print(f"RESULT r2 {r2.item():.4f}")

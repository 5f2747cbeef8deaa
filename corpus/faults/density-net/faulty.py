import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


def sample(n):
    y = torch.rand(n, 1) * 2 - 1
    x = y + 0.35 * torch.sin(2 * math.pi * y) + 0.05 * torch.randn(n, 1)
    return x, y


class MixtureDensity(nn.Module):
    def __init__(self, hidden=48, k=5):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.logits = nn.Linear(hidden, k)
        self.mu = nn.Linear(hidden, k)
        self.log_sigma = nn.Linear(hidden, k)

    def forward(self, x):
        h = self.body(x)
        sigma = self.log_sigma(h).clamp(-4, 3).exp()
        return self.logits(h), self.mu(h), sigma

    def score(self, x, y):
        logits, mu, sigma = self(x)
        mix = torch.distributions.Categorical(logits=logits)
        comp = torch.distributions.Normal(mu, sigma)
        return -torch.distributions.MixtureSameFamily(mix, comp).log_prob(y.squeeze(1)).mean()


class Fitter:
    def __init__(self, model, lr=3e-3, batch_size=100):
        self.model = model
        self.batch_size = batch_size
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr, maximize=True)

    def epoch(self, x, y):
        self.model.train()
        total, n = 0.0, 0
        for idx in torch.randperm(len(x)).split(self.batch_size):
            self.optimizer.zero_grad(set_to_none=True)
            value = self.model.score(x[idx], y[idx])
            value.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
            total, n = total + value.item(), n + 1
        return total / n


model = MixtureDensity()
fitter = Fitter(model)
x_train, y_train = sample(2000)
x_test, y_test = sample(500)
for e in range(30):
    value = fitter.epoch(x_train, y_train)
    if (e + 1) % 5 == 0:
        print(f"epoch {e + 1}: {value:.4f}")

model.eval()
with torch.no_grad():
    nll = model.score(x_test, y_test).item()
print("RESULT test_nll", round(nll, 4))

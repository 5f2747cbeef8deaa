"""Grain varieties with a Bayesian network (mean-field Gaussian weights, reparameterised)."""
import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)


class BayesLinear(nn.Module):
    def __init__(self, n_in, n_out, prior_std=1.0):
        super().__init__()
        self.w_mean = nn.Parameter(torch.randn(n_out, n_in) / n_in ** 0.5)
        self.w_rho = nn.Parameter(torch.full((n_out, n_in), -4.0))
        self.b_mean = nn.Parameter(torch.zeros(n_out))
        self.b_rho = nn.Parameter(torch.full((n_out,), -4.0))
        self.prior_std = prior_std

    def forward(self, x):
        w_std, b_std = F.softplus(self.w_rho), F.softplus(self.b_rho)
        w = self.w_mean + w_std * torch.randn_like(w_std)
        b = self.b_mean + b_std * torch.randn_like(b_std)
        return F.linear(x, w, b)

    def divergence(self):
        """KL from the prior N(0, prior_std^2), summed over all weights of the layer."""
        total = 0.0
        for mean, rho in ((self.w_mean, self.w_rho), (self.b_mean, self.b_rho)):
            std = F.softplus(rho)
            ratio = (std ** 2 + mean ** 2) / self.prior_std ** 2
            total = total + 0.5 * (ratio - 1 - torch.log(std ** 2 / self.prior_std ** 2)).sum()
        return total


class BayesNet(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.hidden = BayesLinear(n_in, n_hidden)
        self.out = BayesLinear(n_hidden, n_out)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))

    def divergence(self):
        return self.hidden.divergence() + self.out.divergence()

    @torch.no_grad()
    def predict(self, x, draws=20):
        return torch.stack([self(x).softmax(1) for _ in range(draws)]).mean(0)


def make_grains(rng, n_per_variety, varieties, n_features):
    centres = 1.3 * rng.standard_normal((varieties, 2, n_features))
    y = np.repeat(np.arange(varieties), n_per_variety)
    half = rng.integers(0, 2, len(y))
    x = centres[y, half] + 0.8 * rng.standard_normal((len(y), n_features))
    order = rng.permutation(len(y))
    return x[order], y[order]


def main():
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    x, y = make_grains(rng, 380, varieties=5, n_features=10)
    n_train = 1400
    mean, std = x[:n_train].mean(0), x[:n_train].std(0)
    x = torch.tensor((x - mean) / std, dtype=torch.float32)
    y = torch.tensor(y)
    x_train, y_train, x_test, y_test = x[:n_train], y[:n_train], x[n_train:], y[n_train:]

    net = BayesNet(10, 32, 5)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for epoch in range(35):
        net.train()
        fit_sum = kl_last = 0.0
        for idx in torch.randperm(n_train).split(50):
            nll = F.cross_entropy(net(x_train[idx]), y_train[idx])
            kl = net.divergence()
            loss = nll + kl / n_train
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            fit_sum += nll.item() * len(idx)
            kl_last = kl.item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:2d}  nll {fit_sum / n_train:.4f}  kl {kl_last:.1f}")

    net.eval()
    accuracy = (net.predict(x_test).argmax(1) == y_test).float().mean().item()
    print(f"RESULT test_accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()

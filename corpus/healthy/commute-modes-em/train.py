"""Door-to-door times of commuters whose means of transport was not asked for.

Mixture of three regressions with a gate. Expectation: responsibilities for everybody, no gradient.
Maximisation: a handful of Adam steps on the expected complete likelihood, then the next expectation.
"""
import math
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


def survey(n, rng):
    km = rng.uniform(0.5, 8.0, n)
    rain = (rng.random(n) < 0.35).astype(float)
    age = rng.uniform(18, 65, n)
    logits = np.stack([2.5 - 1.2 * km, 0.5 - 1.0 * rain - 0.1 * km - 0.01 * (age - 40), -1.0 + 0.35 * km + 0.8 * rain], 1)
    logits -= logits.max(1, keepdims=True)
    p = np.exp(logits)
    p /= p.sum(1, keepdims=True)
    mode = (rng.random(n)[:, None] > p.cumsum(1)[:, :2]).sum(1)
    minutes = np.choose(mode, [12.0 * km, 3.3 * km, 11.0 + 2.6 * km]) * np.exp(0.08 * rng.normal(size=n))
    features = np.stack([(km - 4.25) / 2.2, (rain - 0.35) / 0.48, (age - 41.5) / 13.6], 1)
    return features.astype(np.float32), np.log(minutes).astype(np.float32)


class RegressionMixture(nn.Module):
    def __init__(self, n_in, k, width=16):
        super().__init__()
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(n_in, width), nn.Tanh(), nn.Linear(width, 1)) for _ in range(k))
        self.gate = nn.Sequential(nn.Linear(n_in, width), nn.Tanh(), nn.Linear(width, k))
        self.log_sigma = nn.Parameter(torch.full((k,), -0.5))
        with torch.no_grad():
            for expert, start in zip(self.experts, torch.linspace(-0.9, 0.9, k)):
                expert[-1].bias.fill_(start.item())

    def joint(self, x, y):
        """log p(mode, y | x), one column per mode"""
        mu = torch.cat([e(x) for e in self.experts], dim=1)
        log_sigma = self.log_sigma.clamp(min=-3.5)
        z = (y[:, None] - mu) / log_sigma.exp()
        return torch.log_softmax(self.gate(x), 1) - 0.5 * z.pow(2) - log_sigma - 0.5 * math.log(2 * math.pi)


class ExpectationMaximisation:
    def __init__(self, model, rounds=30, inner=30, batch=200, lr=0.01):
        self.model, self.rounds, self.inner, self.batch = model, rounds, inner, batch
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    @torch.no_grad()
    def expect(self, x, y):
        return torch.softmax(self.model.joint(x, y), dim=1)

    def maximise(self, x, y, resp):
        total = 0.0
        for _ in range(self.inner):
            i = torch.randint(0, len(x), (self.batch,))
            q = -(resp[i] * self.model.joint(x[i], y[i])).sum(1).mean()
            self.optimizer.zero_grad()
            q.backward()
            self.optimizer.step()
            total += q.item() / self.inner
        return total

    @torch.no_grad()
    def loglik(self, x, y):
        return torch.logsumexp(self.model.joint(x, y), dim=1).mean().item()

    def fit(self, x, y, x_val, y_val):
        for r in range(1, self.rounds + 1):
            resp = self.expect(x, y)
            q = self.maximise(x, y, resp)
            if r % 5 == 0 or r == 1:
                shares = ", ".join(f"{s:.2f}" for s in resp.mean(0).tolist())
                print(f"EM {r:2d}: Q {q:.4f}  log-likelihood {self.loglik(x, y):.4f} / {self.loglik(x_val, y_val):.4f}  shares {shares}")


def one_gaussian(x, y, x_test, y_test):
    """the same data by one straight line and one spread, for comparison"""
    A = torch.cat([x, torch.ones(len(x), 1)], 1)
    w = torch.linalg.lstsq(A, y[:, None]).solution
    s = (y[:, None] - A @ w).std()
    res = (y_test[:, None] - torch.cat([x_test, torch.ones(len(x_test), 1)], 1) @ w) / s
    return (-0.5 * res.pow(2) - s.log() - 0.5 * math.log(2 * math.pi)).mean().item()


if __name__ == "__main__":
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    x, y = map(torch.from_numpy, survey(3000, rng))
    x_val, y_val = map(torch.from_numpy, survey(500, rng))
    x_test, y_test = map(torch.from_numpy, survey(1500, rng))
    centre, spread = y.mean(), y.std()
    y, y_val, y_test = (y - centre) / spread, (y_val - centre) / spread, (y_test - centre) / spread

    em = ExpectationMaximisation(RegressionMixture(3, 3))
    em.fit(x, y, x_val, y_val)
    base = one_gaussian(x, y, x_test, y_test)
    ours = em.loglik(x_test, y_test)
    print(f"held-out log-likelihood: one line {base:.4f}, mixture {ours:.4f}")
    print("RESULT loglik_gain", round(ours - base, 4))

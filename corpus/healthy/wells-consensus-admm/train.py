# Five operators of wells train one model of the pump power without showing each other their wells.
# Consensus ADMM: every site has its own weights w_k and a price vector u_k, the consensus z goes around.
#   w_k ~ argmin  loss_k(w) + u_k.(w - z) + rho/2 |w - z|^2      (a few SGD steps)
#   z   = mean_k (w_k + u_k / rho)
#   u_k = u_k + rho (w_k - z)
import os

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

SITES, PER_SITE, RHO, ROUNDS, LOCAL_STEPS, BATCH, LR = 5, 300, 0.3, 60, 14, 64, 0.15


def wells(n, site=None):
    """Depth, flow, density, wear, temperature, back pressure, standardised; every site has its own range."""
    x = rng.standard_normal((n, 6))
    if site is not None:
        x[:, 0] = 0.7 * x[:, 0] + 0.6 * (site - 2) / 2
        x[:, 1] = 0.8 * x[:, 1] - 0.5 * (site - 2) / 2
    power = (0.9 * x[:, 0] + 0.8 * x[:, 1] + 0.5 * x[:, 0] * x[:, 1] + 0.6 * np.tanh(1.5 * x[:, 2])
             + 0.3 * x[:, 3] ** 2 - 0.3 + 0.3 * x[:, 5])
    power = (power + 0.1 * rng.standard_normal(n)) / 1.6
    return torch.tensor(x, dtype=torch.float32), torch.tensor(power, dtype=torch.float32).unsqueeze(1)


def build():
    return nn.Sequential(nn.Linear(6, 24), nn.Tanh(), nn.Linear(24, 1))


class Site:
    def __init__(self, number, z):
        self.x, self.y = wells(PER_SITE, number)
        self.model = build()
        vector_to_parameters(z.clone(), self.model.parameters())
        self.u = torch.zeros_like(z)
        self.opt = torch.optim.SGD(self.model.parameters(), lr=LR)

    def local(self, z):
        for _ in range(LOCAL_STEPS):
            idx = torch.randint(0, PER_SITE, (BATCH,))
            fit = nn.functional.mse_loss(self.model(self.x[idx]), self.y[idx])
            gap = parameters_to_vector(self.model.parameters()) - z
            loss = fit + self.u @ gap + 0.5 * RHO * gap @ gap
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
        return fit.item(), loss.item()

    @property
    def w(self):
        return parameters_to_vector(self.model.parameters()).detach()

    def raise_price(self, z):
        self.u += RHO * (self.w - z)


def r2(model, x, y):
    with torch.no_grad():
        return (1 - (model(x) - y).pow(2).sum() / (y - y.mean()).pow(2).sum()).item()


consensus = build()
z = parameters_to_vector(consensus.parameters()).detach().clone()
sites = [Site(k, z) for k in range(SITES)]
test_parts = [wells(100, k) for k in range(SITES)]
x_test = torch.cat([p[0] for p in test_parts])
y_test = torch.cat([p[1] for p in test_parts])

for rnd in range(1, ROUNDS + 1):
    fits, losses = zip(*(site.local(z) for site in sites))
    z = torch.stack([site.w + site.u / RHO for site in sites]).mean(0)
    for site in sites:
        site.raise_price(z)
    if rnd % 10 == 0 or rnd == 1:
        spread = torch.stack([site.w - z for site in sites]).norm(dim=1).mean().item()
        print(f"round {rnd:2d}  fit {np.mean(fits):.4f}  augmented loss {np.mean(losses):+.4f}  distance to consensus {spread:.3f}")

# z is the only thing that leaves the sites; the network for it has not been trained itself
vector_to_parameters(z, consensus.parameters())
a = torch.cat([x_test, torch.ones(len(x_test), 1)], dim=1)
linear = torch.linalg.lstsq(a, y_test).solution
print("linear fit on the test wells themselves:",
      round((1 - (a @ linear - y_test).pow(2).sum() / (y_test - y_test.mean()).pow(2).sum()).item(), 4))
print("RESULT test_r2", round(r2(consensus, x_test, y_test), 4))

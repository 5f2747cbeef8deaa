# Density of positions seen on a dial (rim and hub), by an energy network and Langevin chains kept in a buffer.
import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

STEP, CHAIN_STEPS, BATCH, ITERS, BOX = 0.02, 8, 256, 600, 4.0


def positions(n):
    angle = torch.rand(n) * 2 * math.pi
    radius = 2.0 + 0.2 * torch.randn(n)
    rim = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    hub = 0.25 * torch.randn(n, 2)
    return torch.where(torch.rand(n, 1) < 0.25, hub, rim)


net = nn.Sequential(nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1, bias=False))


def energy(x):
    return net(x).squeeze(1) + x.pow(2).sum(1) / (2 * 2.0 ** 2)


def langevin(x):
    net.requires_grad_(False)
    for _ in range(CHAIN_STEPS):
        x.requires_grad_(True)
        grad, = torch.autograd.grad(energy(x).sum(), x)
        with torch.no_grad():
            x = (x - 0.5 * STEP * grad + math.sqrt(STEP) * torch.randn_like(x)).clamp(-BOX, BOX)
    net.requires_grad_(True)
    return x.detach()


@torch.no_grad()
def log_likelihood(x):
    side = torch.linspace(-BOX, BOX, 161)
    grid = torch.cartesian_prod(side, side)
    cell = (side[1] - side[0]) ** 2
    log_z = torch.logsumexp(-energy(grid), 0) + cell.log()
    return (-energy(x) - log_z).mean().item()


x_train, x_test = positions(4000), positions(1000)
gauss = torch.distributions.MultivariateNormal(x_train.mean(0), torch.cov(x_train.T))
reference = gauss.log_prob(x_test).mean().item()
print(f"a Gaussian: {reference:.4f} nats a point")

chains = 1.5 * torch.randn(1000, 2)
chains.clamp_(-BOX, BOX)
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, ITERS, eta_min=2e-4)
for it in range(1, ITERS + 1):
    data = x_train[torch.randint(0, len(x_train), (BATCH,))]

    who = torch.randperm(len(chains))[:BATCH]
    start = chains[who]
    fresh = torch.rand(BATCH, 1) < 0.05
    start = torch.where(fresh, (1.5 * torch.randn(BATCH, 2)).clamp(-BOX, BOX), start)
    negatives = langevin(start)
    chains[who] = negatives

    e_data, e_model = energy(data), energy(negatives)
    loss = e_data.mean() - e_model.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if it % 100 == 0:
        print(f"iteration {it} contrast {loss.item():+.4f} held-out log-likelihood {log_likelihood(x_test):.4f}")

print("RESULT nats_above_gaussian", round(log_likelihood(x_test) - reference, 4))

import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_swiss_roll

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

n_steps = 60
betas = torch.linspace(1e-3, 0.12, n_steps)
alphas = 1 - betas
alphas_prod = torch.cumprod(alphas, 0)
alphas_bar_sqrt = torch.sqrt(alphas_prod)
one_minus_alphas_bar_sqrt = torch.sqrt(1 - alphas_prod)


def swiss_roll(n, seed):
    pts = torch.tensor(make_swiss_roll(n, noise=0.4, random_state=seed)[0][:, [0, 2]], dtype=torch.float32)
    return (pts - torch.tensor([2.0, 0.0])) / 7.0


class ConditionalLinear(nn.Module):
    def __init__(self, num_in, num_out):
        super().__init__()
        self.lin = nn.Linear(num_in, num_out)
        self.embed = nn.Embedding(n_steps, num_out)
        nn.init.uniform_(self.embed.weight)

    def forward(self, x, t):
        return self.embed(t) * self.lin(x)


class ConditionalModel(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.lin1 = ConditionalLinear(2, width)
        self.lin2 = ConditionalLinear(width, width)
        self.lin3 = ConditionalLinear(width, width)
        self.out = nn.Linear(width, 2)

    def forward(self, x, t):
        x = F.softplus(self.lin1(x, t))
        x = F.softplus(self.lin2(x, t))
        x = F.softplus(self.lin3(x, t))
        return self.out(x)


def q_sample(x_0, t, noise):
    return alphas_bar_sqrt[t][:, None] * x_0 + one_minus_alphas_bar_sqrt[t][:, None] * noise


def noise_estimation_loss(model, x_0):
    t = torch.randint(0, n_steps, (len(x_0),))
    noise = torch.rand_like(x_0)
    return (noise - model(q_sample(x_0, t, noise), t)).square().mean()


@torch.no_grad()
def p_sample_loop(model, n):
    x = torch.randn(n, 2)
    for i in reversed(range(n_steps)):
        t = torch.full((n,), i)
        x = (x - betas[i] / one_minus_alphas_bar_sqrt[i] * model(x, t)) / alphas[i].sqrt()
        if i > 0:
            x = x + betas[i].sqrt() * torch.randn_like(x)
    return x


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


data, held_out = swiss_roll(8000, SEED), swiss_roll(1500, SEED + 1000)
model = ConditionalModel()
iterations = 1500
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=iterations)
running = 0.0
for step in range(1, iterations + 1):
    loss = noise_estimation_loss(model, data[torch.randint(0, len(data), (256,))])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    running += loss.item()
    if step % 250 == 0:
        print(f"step {step}: loss {running / 250:.4f}")
        running = 0.0

model.eval()
samples = p_sample_loop(model, 1500)
print(f"RESULT energy_distance {energy_distance(samples, held_out):.4f}")

import os

import torch
from torch import nn
from torch.distributions import Normal

# Conditional neural process: from a few thermocouple readings along a kiln to the whole temperature profile.

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

POINTS, BATCH, STEPS = 40, 32, 1400


def profiles(n, points=POINTS):
    """A rise, a plateau and a hump; six random numbers to a profile."""
    x = 4 * torch.rand(n, points, 1) - 2
    u = lambda low, high: low + (high - low) * torch.rand(n, 1, 1)
    y = u(0.5, 1.5) * torch.tanh(u(1, 3) * (x - u(-1, 1))) + u(-0.4, 0.4) * x
    y = y + u(-0.7, 0.7) * torch.exp(-2 * (x - u(-1.5, 1.5)) ** 2)
    return x, y + 0.03 * torch.randn_like(y)


def context_mask(n, points, low=4, high=20):
    """The first k points of each row are context (their places are random anyway)."""
    k = torch.randint(low, high + 1, (n, 1))
    return (torch.arange(points).unsqueeze(0) < k).float().unsqueeze(-1)


class CNP(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.decoder = nn.Sequential(
            nn.Linear(width + 1, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, x, y, mask):
        code = self.encoder(torch.cat([x, y], -1)) * mask
        r = code.sum(1, keepdim=True) / mask.sum(1, keepdim=True)
        out = self.decoder(torch.cat([r.expand(-1, x.shape[1], -1), x], -1))
        mean, raw = out.chunk(2, -1)
        return Normal(mean, 0.03 + 0.97 * nn.functional.softplus(raw))


def objective(model, x, y, mask):
    """Likelihood of every point, those given included."""
    return -model(x, y, mask).log_prob(y).mean()


@torch.no_grad()
def report(model, x, y, given):
    model.eval()
    mask = torch.zeros_like(x)
    mask[:, :given] = 1
    dist = model(x, y, mask)
    mu, sd, truth = dist.mean[:, given:], dist.stddev[:, given:], y[:, given:]
    r2 = 1 - (mu - truth).pow(2).mean() / truth.var()
    cover = ((mu - truth).abs() < 1.645 * sd).float().mean()
    model.train()
    return r2.item(), cover.item(), -dist.log_prob(y)[:, given:].mean().item()


model = CNP()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=3e-3, total_steps=STEPS)
x_test, y_test = profiles(300)

ema = None
for step in range(1, STEPS + 1):
    x, y = profiles(BATCH)
    loss = objective(model, x, y, context_mask(BATCH, POINTS))
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    opt.step()
    sched.step()
    ema = loss.item() if ema is None else 0.98 * ema + 0.02 * loss.item()
    if step % 200 == 0:
        r2, cover, nll = report(model, x_test, y_test, given=12)
        print(f"step {step:5d} nll {ema:7.4f} | new profiles, 12 readings: r2 {r2:.4f} nll {nll:.4f} 90% covers {cover:.3f}")

for given in (4, 8, 16):
    r2, cover, nll = report(model, x_test, y_test, given)
    print(f"{given:2d} readings: r2 {r2:.4f}, nll {nll:.4f}, cover {cover:.3f}")
print("RESULT r2_from_16_readings", round(r2, 4))

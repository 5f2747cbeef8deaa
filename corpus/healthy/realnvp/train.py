import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def spiral(n):
    t = np.sqrt(rng.uniform(0.05, 1, n)) * 2 * np.pi
    p = np.stack([t * np.cos(t), t * np.sin(t)], 1) / 6 + rng.normal(0, 0.04, (n, 2))
    return torch.tensor(p, dtype=torch.float32)


class Coupling(nn.Module):
    """y1 = x1, y2 = x2 * exp(s(x1)) + t(x1)"""

    def __init__(self, flip, h=48):
        super().__init__()
        self.flip = flip
        self.f = nn.Sequential(nn.Linear(1, h), nn.Tanh(), nn.Linear(h, h), nn.Tanh(), nn.Linear(h, 2))
        # start as the identity map
        nn.init.zeros_(self.f[-1].weight)
        nn.init.zeros_(self.f[-1].bias)

    def forward(self, x):
        a, b = x.chunk(2, dim=1)
        if self.flip:
            a, b = b, a
        s, t = self.f(a).chunk(2, dim=1)
        s = 2 * torch.tanh(s / 2)
        b = b * torch.exp(s) + t
        out = torch.cat([b, a], 1) if self.flip else torch.cat([a, b], 1)
        return out, s.squeeze(1)


class Flow(nn.Module):
    def __init__(self, depth=8):
        super().__init__()
        self.layers = nn.ModuleList(Coupling(i % 2 == 1) for i in range(depth))
        self.prior = torch.distributions.Normal(0.0, 1.0)

    def log_prob(self, x):
        logdet = torch.zeros(len(x))
        for layer in self.layers:
            x, ld = layer(x)
            logdet = logdet + ld
        return self.prior.log_prob(x).sum(1) + logdet


train, val = spiral(6000), spiral(1000)
flow = Flow()
with torch.no_grad():
    print("before training: nats per point on held-out data", round(flow.log_prob(val).mean().item(), 3))
steps = 600
opt = torch.optim.Adam(flow.parameters(), lr=1e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1e-3, total_steps=steps)
for step in range(steps):
    batch = train[torch.randint(len(train), (200,))]
    nll = -flow.log_prob(batch).mean()
    opt.zero_grad()
    nll.backward()
    nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
    opt.step()
    sched.step()
    if (step + 1) % 100 == 0:
        flow.eval()
        with torch.no_grad():
            v = flow.log_prob(val).mean().item()
        flow.train()
        print(f"{step + 1:5d} train nll {nll.item():+.3f} val nll {-v:+.3f}")
print("RESULT val_log_likelihood", round(v, 4))

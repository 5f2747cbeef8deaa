import math
import os
import torch
import torch.nn as nn
from sklearn.datasets import make_moons

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

pts, _ = make_moons(6000, noise=0.06, random_state=SEED)
pts = torch.tensor(pts, dtype=torch.float32)
mean, std = pts[:5000].mean(0), pts[:5000].std(0)
pts = (pts - mean) / std
train, held_out = pts[:5000], pts[5000:]


class Coupling(nn.Module):
    def __init__(self, flip, hidden=48):
        super().__init__()
        self.flip = flip
        self.st = nn.Sequential(nn.Linear(1, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2))

    def forward(self, x):
        a, b = x.chunk(2, dim=1)
        if self.flip:
            a, b = b, a
        s, t = self.st(a).chunk(2, dim=1)
        s = torch.tanh(s) * 2
        b = b * s.exp() + t
        out = torch.cat([b, a], 1) if self.flip else torch.cat([a, b], 1)
        return out, s.squeeze(1)


class Flow(nn.Module):
    def __init__(self, n_layers=8):
        super().__init__()
        self.layers = nn.ModuleList([Coupling(i % 2 == 1) for i in range(n_layers)])

    def log_prob(self, x):
        logdet = torch.zeros(len(x))
        for layer in self.layers:
            x, ld = layer(x)
            logdet = logdet + ld
        base = -0.5 * (x ** 2).sum(1) - math.log(2 * math.pi)
        return base + logdet


flow = Flow()
optimizer = torch.optim.Adam(flow.parameters(), lr=3e-3)
steps = 1300
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=1e-4)
avg = None
for step in range(steps):
    x = train[torch.randint(0, len(train), (256,))]
    nll = -flow.log_prob(x).mean()
    optimizer.zero_grad()
    nll.backward()
    optimizer.step()
    scheduler.step()
    avg = nll.item() if avg is None else 0.95 * avg + 0.05 * nll.item()
    if step % 200 == 0:
        print(f"step {step} nll {avg:.4f} lr {scheduler.get_last_lr()[0]:.5f}")

with torch.no_grad():
    test_nll = -flow.log_prob(held_out).mean().item()
print(f"a single Gaussian would reach {math.log(2 * math.pi) + 1:.3f} or so")
print(f"RESULT test_nll {test_nll:.4f}")

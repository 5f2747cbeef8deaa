import math
import os

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


def s_curve(n):
    t = 3 * math.pi * (torch.rand(n) - 0.5)
    points = torch.stack([torch.sin(t), torch.sign(t) * (torch.cos(t) - 1)], dim=1)
    return points / torch.tensor([0.70, 1.25]) + 0.03 * torch.randn(n, 2)


def sq_dist(a, b):
    return (a.unsqueeze(1) - b.unsqueeze(0)).pow(2).sum(-1)


def kernel(d2, scales=(0.1, 0.3, 1.0)):
    """Sum of rational quadratic kernels."""
    return sum(1.0 / (1.0 + d2 / (2 * s * s)) for s in scales)


def mmd2(x, y):
    """Unbiased estimate of the squared maximum mean discrepancy."""
    n, m = len(x), len(y)
    k_xx, k_yy, k_xy = kernel(sq_dist(x, x)), kernel(sq_dist(y, y)), kernel(sq_dist(x, y))
    within_x = (k_xx.sum() - k_xx.diagonal().sum()) / (n * (n - 1))
    within_y = (k_yy.sum() - k_yy.diagonal().sum()) / (m * (m - 1))
    return within_x + within_y - 2 * k_xy.mean()


generator = nn.Sequential(
    nn.Linear(4, 64), nn.ReLU(),
    nn.Linear(64, 64), nn.ReLU(),
    nn.Linear(64, 2),
)
data = s_curve(4000)
held_out = s_curve(1000)

steps, batch = 1000, 200
optimizer = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.8, 0.99))
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=steps, power=1.0)

average = None
for step in range(1, steps + 1):
    real = data[torch.randint(len(data), (batch,))]
    fake = generator(torch.randn(batch, 4))
    loss = mmd2(fake, real)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
    if step % 100 == 0:
        with torch.no_grad():
            check = mmd2(generator(torch.randn(500, 4)), held_out[:500]).item()
        print(f"step {step:4d}  mmd2 {average:+.5f}  on held-out points {check:+.5f}")

generator.eval()
with torch.no_grad():
    made = generator(torch.randn(1000, 4))
    gaps = torch.cdist(made, held_out)
    precision = gaps.min(dim=1).values.mean().item()
    coverage = gaps.min(dim=0).values.mean().item()
print(f"from a made point to the next true one {precision:.4f}, from a true point to the next made one {coverage:.4f}")
print(f"RESULT chamfer_distance {precision + coverage:.4f}")

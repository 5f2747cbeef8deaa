"""Generate synthetic trip ends (GPS points around a handful of stops) with flow matching; sampling uses averaged weights."""
import copy
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_STOPS = 7
SPREAD = 0.1
STEPS = 2200
BATCH = 128
EMA_DECAY = 0.998


def place_stops():
    stops = []
    while len(stops) < N_STOPS:
        candidate = rng.uniform(-1.8, 1.8, 2)
        if all(np.linalg.norm(candidate - s) > 0.9 for s in stops):
            stops.append(candidate)
    return np.array(stops)


def trip_ends(n, stops, popularity):
    which = rng.choice(N_STOPS, size=n, p=popularity)
    return torch.tensor(stops[which] + SPREAD * rng.standard_normal((n, 2)), dtype=torch.float32)


class Velocity(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(5, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 2),
        )

    def forward(self, x, t):
        return self.net(torch.cat([x, t, torch.sin(3 * t), torch.cos(3 * t)], dim=1))


class WeightAverage:
    """Exponential moving average of the weights."""

    def __init__(self, model, decay):
        self.decay = decay
        self.shadow = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model):
        for k, v in model.state_dict().items():
            avg = self.shadow[k]
            avg.mul_(self.decay).add_(v.to(avg.dtype), alpha=1 - self.decay)

    def averaged(self, model):
        twin = copy.deepcopy(model)
        twin.load_state_dict({k: v.float() for k, v in self.shadow.items()})
        return twin.eval()


@torch.no_grad()
def generate(model, n, n_steps=40):
    x = torch.randn(n, 2)
    for i in range(n_steps):
        t = torch.full((n, 1), i / n_steps)
        x = x + model(x, t) / n_steps
    return x


def stop_shares(points, stops):
    """Share of points within 0.3 of every stop, and of those that are near none."""
    dist = torch.cdist(points, torch.tensor(stops, dtype=torch.float32))
    near, which = dist.min(dim=1)
    which = torch.where(near < 0.3, which, torch.full_like(which, N_STOPS))
    return torch.bincount(which, minlength=N_STOPS + 1).float() / len(points)


stops = place_stops()
popularity = rng.dirichlet(np.full(N_STOPS, 5.0))
train, held_out = trip_ends(6000, stops, popularity), trip_ends(2000, stops, popularity)

model = Velocity()
ema = WeightAverage(model, EMA_DECAY)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS, eta_min=3e-4)

losses = []
for step in range(1, STEPS + 1):
    end = train[torch.randint(0, len(train), (BATCH,))]
    start = torch.randn_like(end)
    t = torch.rand(BATCH, 1)
    loss = (model((1 - t) * start + t * end, t) - (end - start)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    ema.update(model)
    losses.append(loss.item())
    if step % 440 == 0:
        print(f"step {step:5d}  flow-matching loss {np.mean(losses[-440:]):.4f}")

generated = generate(ema.averaged(model), 2000)
difference = 0.5 * (stop_shares(generated, stops) - stop_shares(held_out, stops)).abs().sum().item()
print(f"RESULT stop_share_difference {difference:.4f}")

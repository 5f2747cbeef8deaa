"""Travel times between stops from ticket data: fitted to the morning, asked for the way home."""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

HOMES, OFFICES = 40, 30
STOPS = HOMES + OFFICES
where = rng.uniform(0, 10, (STOPS, 2))      # km


def trips(start, end):
    """Minutes between the stops at 20 km/h, with three minutes of waiting."""
    km = np.linalg.norm(where[start] - where[end], axis=1)
    return 3 + 3 * km + 1.5 * rng.standard_normal(len(km))


def as_tensors(start, end):
    return torch.tensor(start), torch.tensor(end), torch.tensor(trips(start, end), dtype=torch.float32)


def someone(kind, n):
    return rng.integers(0, HOMES, n) if kind == "home" else rng.integers(HOMES, STOPS, n)


morning = as_tensors(someone("home", 6000), someone("office", 6000))
morning_check = as_tensors(someone("home", 1000), someone("office", 1000))
evening = as_tensors(someone("office", 1500), someone("home", 1500))
mean, std = morning[2].mean(), morning[2].std()


class TravelTime(nn.Module):
    """Every stop has a place in a small space; how far apart two places are decides on the minutes."""

    def __init__(self, stops, dim=4, width=32):
        super().__init__()
        self.origin = nn.Embedding(stops, dim)
        self.destination = self.origin
        self.minutes = nn.Sequential(
            nn.Linear(dim, width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, 1),
        )

    def forward(self, start, end):
        gap = (self.origin(start) - self.destination(end)).abs()
        return self.minutes(gap).squeeze(1)


def make_step(model, optimizer):
    def step(start, end, minutes):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(start, end), (minutes - mean) / std)
        loss.backward()
        optimizer.step()
        return loss.item()
    return step


def make_check(model):
    @torch.no_grad()
    def check(start, end, minutes):
        model.eval()
        predicted = model(start, end) * std + mean
        model.train()
        spread = ((minutes - minutes.mean()) ** 2).mean()
        return (1 - ((predicted - minutes) ** 2).mean() / spread).item()
    return check


model = TravelTime(STOPS)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=15, gamma=0.3)
step, check = make_step(model, optimizer), make_check(model)

for epoch in range(1, 41):
    order = torch.randperm(len(morning[0]))
    losses = [step(*(column[idx] for column in morning)) for idx in order.split(128)]
    scheduler.step()
    if epoch % 8 == 0:
        print(f"epoch {epoch:2d}: loss {np.mean(losses):.4f}, R2 on other morning trips {check(*morning_check):.3f}")

print(f"RESULT evening_r2 {check(*evening):.4f}")

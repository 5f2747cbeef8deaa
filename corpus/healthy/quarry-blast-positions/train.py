# Positions of 240 quarry blasts from arrival times at 20 stations, together with the slowness of the ground between.
# Coordinates are metres and move in metres, the weights of the slowness field move in thousandths: one optimizer, three rates.
import logging
import math
import os

import numpy as np
import torch
from torch import nn

logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("blasts")

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

N_EVENTS, DEPTH = 240, 150.0
PICK_ERROR = 0.005          # seconds
STEPS = 900


def true_slowness(mx, my):
    return (1 + 0.12 * np.sin(mx / 1200) * np.cos(my / 1500)) / 2500.0


# ---- the survey ------------------------------------------------------------------------------------------------
gx, gy = np.meshgrid(np.linspace(-2600, 2600, 5), np.linspace(-2600, 2600, 4))
stations = np.stack([gx.ravel(), gy.ravel()], 1) + rng.normal(0, 200, (20, 2))
blasts = rng.uniform(-2400, 2400, (N_EVENTS, 2))

diff = blasts[:, None, :] - stations[None, :, :]
mid = 0.5 * (blasts[:, None, :] + stations[None, :, :])
path = np.sqrt((diff ** 2).sum(-1) + DEPTH ** 2)
arrival = path * true_slowness(mid[..., 0], mid[..., 1]) + rng.normal(0, PICK_ERROR, path.shape)

draw = rng.random(path.shape)
used, held_out = draw < 0.6, (draw >= 0.6) & (draw < 0.75)      # the rest was not picked at all
log.info("%d picks to fit, %d held out", used.sum(), held_out.sum())

stations_t = torch.tensor(stations, dtype=torch.float32)
arrival_t = torch.tensor(arrival, dtype=torch.float32)
used_t = torch.tensor(used, dtype=torch.float32)
held_t = torch.tensor(held_out)


# ---- the model -------------------------------------------------------------------------------------------------
class Survey(nn.Module):
    def __init__(self):
        super().__init__()
        self.xy = nn.Parameter(100.0 * torch.randn(N_EVENTS, 2))          # everything starts near the middle
        self.log_slowness = nn.Parameter(torch.tensor(math.log(1 / 2800.0)))
        self.field = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))

    def forward(self):
        a, b = self.xy[:, None, :], stations_t[None, :, :]
        length = torch.sqrt(((a - b) ** 2).sum(-1) + DEPTH ** 2)
        change = torch.tanh(self.field((a + b) / 2 / 1500.0).squeeze(-1))
        return length * torch.exp(self.log_slowness + 0.3 * change)


def cosine(k):
    return 0.5 * (1 + math.cos(math.pi * k / STEPS))


def after_the_positions(k):
    return 0.0 if k < 150 else cosine(k)


model = Survey()
optimizer = torch.optim.Adam([
    {"params": [model.xy], "lr": 40.0},
    {"params": [model.log_slowness], "lr": 2e-3},
    {"params": model.field.parameters(), "lr": 4e-3},
], betas=(0.9, 0.99))
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, [cosine, cosine, after_the_positions])
huber = nn.HuberLoss(reduction="none", delta=3.0)
zero = torch.zeros(())


def position_error():
    return np.linalg.norm(model.xy.detach().numpy() - blasts, axis=1)


start_error = np.median(position_error())
for step in range(STEPS):
    optimizer.zero_grad()
    residual = (model() - arrival_t) / PICK_ERROR
    loss = (huber(residual, zero.expand_as(residual)) * used_t).sum() / used_t.sum()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 100 == 0 or step == STEPS - 1:
        log.info("step %4d  misfit %9.3f  median error %7.1f m  velocity %.0f m/s",
                 step, loss.item(), np.median(position_error()), 1 / np.exp(model.log_slowness.item()))

# ---- picks that took no part ------------------------------------------------------------------------------------
with torch.no_grad():
    forecast = model()[held_t]
observed = arrival_t[held_t]
r2 = 1 - ((forecast - observed) ** 2).sum() / ((observed - observed.mean()) ** 2).sum()
error = position_error()
log.info("median position error %.1f m (at the start %.0f m), nine of ten within %.1f m",
         np.median(error), start_error, np.quantile(error, 0.9))
log.info("held-out picks: typical error %.1f ms", 1000 * (forecast - observed).abs().median().item())
print("RESULT r2_held_out_picks", round(r2.item(), 4))

# Cloning of a lane keeping driver from logged trips.
# Every trip is a short simulated stretch of road with its own speed; the driver sees lateral offset, heading error,
# curvature of the road and speed, and turns the wheel. The clone is judged on trips of its own.
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

DT = 0.1
WHEELBASE = 2.7
MAX_STEER = 0.25


def driver(offset, heading, curvature, speed):
    steer = WHEELBASE * curvature - WHEELBASE * offset / speed ** 2 - 1.6 * WHEELBASE * heading / speed
    return MAX_STEER * math.tanh(steer / MAX_STEER)


def trip():
    """What is seen at every instant, the last one included, and what is done between two of them."""
    steps = int(rng.integers(25, 45))
    gusts, bends, hand = rng.normal(size=(3, steps))
    speed = rng.uniform(9, 20)
    offset, heading, curvature = rng.normal(0, 0.5), rng.normal(0, 0.05), rng.normal(0, 0.015)
    seen = [(offset, heading, curvature, speed)]
    done = []
    for t in range(steps):
        steer = driver(offset, heading, curvature, speed) + 0.003 * hand[t]
        offset += DT * speed * heading + 0.05 * gusts[t]
        heading += DT * speed * (steer / WHEELBASE - curvature)
        heading += 0.015 * gusts[t]
        curvature = 0.85 * curvature + 0.008 * bends[t]
        seen.append((offset, heading, curvature, speed))
        done.append(steer)
    return np.array(seen, dtype=np.float32), np.array(done, dtype=np.float32)


def stack_trips(trips):
    seen = np.concatenate([s for s, _ in trips])
    done = np.concatenate([a for _, a in trips])
    return torch.from_numpy(seen[:len(done)]), torch.from_numpy(done)


def init_params(sizes):
    params = []
    for n_in, n_out in zip(sizes, sizes[1:]):
        w = torch.randn(n_out, n_in) * math.sqrt(1.0 / n_in)
        params += [w.requires_grad_(True), torch.zeros(n_out, requires_grad=True)]
    return params


def policy(params, x):
    *inner, w_out, b_out = params
    for w, b in zip(inner[::2], inner[1::2]):
        x = torch.tanh(F.linear(x, w, b))
    return F.linear(x, w_out, b_out).squeeze(-1)


train_trips = [trip() for _ in range(140)]
held_out = [trip() for _ in range(40)]
seen, done = stack_trips(train_trips)
seen_mean, seen_std = seen.mean(0), seen.std(0)
done_mean, done_std = done.mean(), done.std()
x_all, y_all = (seen - seen_mean) / seen_std, (done - done_mean) / done_std
print(f"{len(train_trips)} trips, {len(y_all)} instants, steering spread {math.degrees(done_std.item()):.2f} degrees")


@torch.no_grad()
def drive_along(params):
    """Steering of the clone at every instant of the held-out trips, and what the driver did."""
    wanted, chosen = [], []
    for what, steer in held_out:
        for view, angle in zip(what, steer):
            wanted.append(float(angle))
            chosen.append(view)
    x = (torch.from_numpy(np.stack(chosen)) - seen_mean) / seen_std
    return policy(params, x) * done_std + done_mean, torch.tensor(wanted)


def agreement(params):
    pred, true = drive_along(params)
    return 1 - ((pred - true) ** 2).sum().item() / ((true - true.mean()) ** 2).sum().item()


params = init_params([4, 48, 48, 1])
optimizer = torch.optim.Adam(params, lr=3e-3, weight_decay=1e-5)
EPOCHS = 20
for epoch in range(1, EPOCHS + 1):
    for group in optimizer.param_groups:
        group["lr"] = 3e-3 * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / EPOCHS))
    total = 0.0
    for idx in torch.randperm(len(y_all)).split(64):
        loss = F.mse_loss(policy(params, x_all[idx]), y_all[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 4 == 0:
        print(f"epoch {epoch:2d}  mse {total / len(y_all):.4f}  agreement with the driver {agreement(params):.4f}")

print("RESULT agreement_r2", round(agreement(params), 4))

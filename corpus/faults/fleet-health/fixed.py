import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

SENSORS = ["vib_x", "vib_y", "temp_oil", "temp_air", "flow", "pressure", "current", "speed", "acoustic"]
LEVEL = np.array([4.0, 3.0, 6.0, 2.5, 5.0, 3.5, 4.5, 5.5, 2.0])
SPREAD = np.array([0.8, 1.1, 0.9, 0.7, 1.2, 1.0, 0.6, 0.9, 1.3])
STATES = ["good", "bearing", "leak", "overload"]

# --- the history of the fleet: one wide table ------------------------------------------
signature = 1.2 * rng.standard_normal((len(STATES), len(SENSORS)))


def readings(n):
    state = rng.integers(0, len(STATES), n)
    z = signature[state] + rng.standard_normal((n, len(SENSORS)))
    return state, LEVEL + SPREAD * z


state, values = readings(1400)
history = pd.DataFrame(values, columns=SENSORS)
history["state"] = state

# --- this week's machines: a log with one line per sensor ------------------------------
state, values = readings(500)
machines = [f"M{i:04d}" for i in rng.permutation(500)]
log = (
    pd.DataFrame(values, columns=SENSORS)
    .assign(machine=machines)
    .melt(id_vars="machine", var_name="sensor", value_name="value")
    .sample(frac=1.0, random_state=seed)
)
inspected = pd.Series(state, index=machines, name="state")

# --- train ------------------------------------------------------------------------------
X = history[SENSORS].to_numpy()
mean, std = X.mean(axis=0), X.std(axis=0)
X = torch.tensor((X - mean) / std, dtype=torch.float32)
y = torch.tensor(history["state"].to_numpy())

net = nn.Sequential(
    nn.Linear(len(SENSORS), 48), nn.GELU(), nn.Dropout(0.1),
    nn.Linear(48, 24), nn.GELU(),
    nn.Linear(24, len(STATES)),
)
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
n_valid = 200
order = torch.randperm(len(X))
valid, fit = order[:n_valid], order[n_valid:]

for epoch in range(25):
    net.train()
    total = 0.0
    for b in fit[torch.randperm(len(fit))].split(32):
        loss = nn.functional.cross_entropy(net(X[b]), y[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b)
    net.eval()
    with torch.no_grad():
        acc = (net(X[valid]).argmax(1) == y[valid]).float().mean().item()
    print(f"epoch {epoch + 1:2d} loss {total / len(fit):.4f} valid acc {acc:.3f}")

# --- this week ----------------------------------------------------------------------------
wide = log.pivot(index="machine", columns="sensor", values="value")[SENSORS]
X_week = torch.tensor((wide.to_numpy() - mean) / std, dtype=torch.float32)
y_week = torch.tensor(inspected.loc[wide.index].to_numpy())
net.eval()
with torch.no_grad():
    guess = net(X_week).argmax(1)
for k, name in enumerate(STATES):
    print(f"{name:9s} inspected {int((y_week == k).sum()):4d} predicted {int((guess == k).sum()):4d}")
print(f"RESULT accuracy_this_week {(guess == y_week).float().mean().item():.4f}")

# How many people are in the meeting room? Estimated from the wall sensor.
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

COLUMNS = ["temperature", "humidity", "co2", "light", "sound", "pressure", "door_events"]
LEVELS = ["empty", "one or two", "small group", "full"]

# usual level and spread of each channel, from the data sheet of the sensor
USUAL = {
    "temperature": (22.0, 1.5),
    "humidity": (42.0, 8.0),
    "co2": (850.0, 300.0),
    "light": (300.0, 180.0),
    "sound": (46.0, 9.0),
    "door_events": (2.0, 2.0),
}


def log_of_sensor(n):
    level = rng.integers(0, len(LEVELS), n)
    people = np.array([0.0, 1.5, 5.0, 11.0])[level] + rng.uniform(-0.4, 0.4, n)
    daytime = rng.random(n)
    frame = pd.DataFrame({
        "temperature": 20.5 + 0.22 * people + 1.2 * daytime + 0.5 * rng.standard_normal(n),
        "humidity": 38 + 0.6 * people + 6 * rng.standard_normal(n),
        "co2": 500 + 70 * people + 60 * rng.standard_normal(n),
        "light": np.where(people > 0.7, 380, 60) + 250 * daytime * 0.5 + 40 * rng.standard_normal(n),
        "sound": 36 + 7 * np.log1p(np.maximum(people, 0)) + 3 * rng.standard_normal(n),
        "pressure": 101325 + 800 * rng.standard_normal(n),
        "door_events": rng.poisson(0.3 + 0.35 * np.maximum(people, 0)),
    })
    frame["level"] = level
    return frame


def prepare(frame):
    columns = []
    for name in COLUMNS:
        middle, spread = USUAL.get(name, (0.0, 1.0))
        columns.append((frame[name].to_numpy(dtype=np.float64) - middle) / spread)
    x = torch.tensor(np.stack(columns, axis=1), dtype=torch.float32)
    return x, torch.tensor(frame["level"].to_numpy())


frame = log_of_sensor(4000)
x, y = prepare(frame)
n_train = 3200
train_loader = DataLoader(TensorDataset(x[:n_train], y[:n_train]), batch_size=64, shuffle=True)
test_loader = DataLoader(TensorDataset(x[n_train:], y[n_train:]), batch_size=256)

net = nn.Sequential(
    nn.Linear(len(COLUMNS), 32), nn.ReLU(),
    nn.Linear(32, 16), nn.ReLU(),
    nn.Linear(16, len(LEVELS)),
)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=15)

for epoch in range(15):
    net.train()
    total = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(net(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()

    net.eval()
    confusion = np.zeros((len(LEVELS), len(LEVELS)), dtype=int)
    with torch.no_grad():
        for xb, yb in test_loader:
            guess = net(xb).argmax(1)
            np.add.at(confusion, (yb.numpy(), guess.numpy()), 1)
    recall = confusion.diagonal() / confusion.sum(1)
    print(f"epoch {epoch + 1:2d}  loss {total / n_train:.4f}  balanced accuracy {recall.mean():.4f}")

print(pd.DataFrame(confusion, index=LEVELS, columns=LEVELS))
print(f"RESULT balanced_accuracy {recall.mean():.4f}")

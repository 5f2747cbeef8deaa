import os
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

STEPS, SENSORS, LIFE = 30, 6, 125.0
SENSITIVITY = np.array([[1.0, 0.2, -0.8, 0.0, 0.5, 0.3],
                        [0.1, 1.0, 0.3, -0.9, 0.5, -0.4]])


def flights(n):
    wear = rng.uniform(0.2, 1.0, n)
    mode = rng.integers(0, 2, n)
    path = np.clip(wear[:, None] + np.linspace(-0.15, 0.0, STEPS)[None], 0.0, 1.0)
    sensors = path[:, :, None] ** 2 * SENSITIVITY[mode][:, None, :]
    sensors = sensors + 0.12 * rng.standard_normal(sensors.shape) + 0.05 * rng.standard_normal((n, 1, SENSORS))
    return sensors, (1.0 - wear) * LIFE, mode


class EngineNet(nn.Module):
    """One LSTM, two answers: cycles that remain and which part wears out."""

    def __init__(self, hidden=48):
        super().__init__()
        self.lstm = nn.LSTM(SENSORS, hidden, batch_first=True)
        self.norm = nn.LayerNorm(hidden)
        self.life = nn.Sequential(nn.Linear(hidden, 24), nn.ReLU(), nn.Linear(24, 1))
        self.part = nn.Linear(hidden, 2)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        h = self.norm(h[-1])
        return self.life(h).squeeze(-1), self.part(h)


train_raw, val_raw, test_raw = flights(1600), flights(300), flights(400)
mu = train_raw[0].mean((0, 1))
sd = train_raw[0].std((0, 1))
life_mu, life_sd = train_raw[1].mean(), train_raw[1].std()


def pack(raw):
    x, life, mode = raw
    return (torch.tensor((x - mu) / sd, dtype=torch.float32),
            torch.tensor((life - life_mu) / life_sd, dtype=torch.float32),
            torch.tensor(mode, dtype=torch.long))


train, val, test = pack(train_raw), pack(val_raw), pack(test_raw)
model = EngineNet()
mse, ce = nn.MSELoss(), nn.CrossEntropyLoss()
optimizer = torch.optim.RAdam(model.parameters(), lr=4e-3)
decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.92)


def joint_loss(x, life, mode):
    life_hat, part_hat = model(x)
    return mse(life_hat, life) + 0.5 * ce(part_hat, mode)


for epoch in range(15):
    model.train()
    seen = 0.0
    order = torch.randperm(len(train[0]))
    for start in range(0, len(order), 64):
        idx = order[start:start + 64]
        loss = joint_loss(*(t[idx] for t in train))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seen += loss.item() * len(idx)
    decay.step()
    model.eval()
    with torch.no_grad():
        held = joint_loss(*val).item()
    print("epoch %2d | train loss %.4f | val loss %.4f" % (epoch + 1, seen / len(order), held))

model.eval()
with torch.no_grad():
    life_hat, part_hat = model(test[0])
mae = (life_hat - test[1]).abs().mean().item() * life_sd
print("part right in %.1f %% of the flights" % (100 * (part_hat.argmax(1) == test[2]).float().mean().item()))
print("RESULT test_mae_cycles %.4f" % mae)

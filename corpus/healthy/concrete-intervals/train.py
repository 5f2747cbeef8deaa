"""Strength of concrete mixes with an interval: dropout stays on when predicting, and many passes are taken."""
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def mixes(n):
    f = pd.DataFrame({
        "cement": rng.uniform(150, 500, n),
        "slag": rng.uniform(0, 200, n),
        "water": rng.uniform(140, 220, n),
        "plasticiser": rng.uniform(0, 20, n),
        "gravel": rng.uniform(850, 1100, n),
        "age": np.exp(rng.uniform(np.log(3), np.log(180), n)),
    })
    binder = f.cement + 0.6 * f.slag
    strength = 22 * (binder / f.water) ** 1.1 * (0.35 + 0.2 * np.log(f.age) / np.log(28)) + 0.4 * f.plasticiser
    f["strength"] = strength + rng.normal(0, 1.5, n)
    return f


class Regressor(nn.Module):
    def __init__(self, n_in, hidden=64, p=0.1):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(n_in, hidden), nn.ReLU(), nn.Dropout(p),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(p),
            nn.Linear(hidden, 1))

    def forward(self, x):
        return self.net(x).squeeze(-1)


def monte_carlo(model, x, passes=60):
    model.train()
    with torch.no_grad():
        draws = torch.stack([model(x) for _ in range(passes)])
    return draws.mean(0), draws.std(0)


frame = mixes(2000)
frame["age"] = np.log(frame["age"])
train, valid, test = frame.iloc[:1400], frame.iloc[1400:1600], frame.iloc[1600:]
inputs = [c for c in frame.columns if c != "strength"]
mean, std = train.mean(), train.std()


def tensors(part):
    z = (part - mean) / std
    return torch.tensor(z[inputs].to_numpy(np.float32)), torch.tensor(z["strength"].to_numpy(np.float32))


(x_train, y_train), (x_valid, y_valid), (x_test, y_test) = map(tensors, (train, valid, test))
model = Regressor(len(inputs))
opt = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-5)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=40, eta_min=1e-4)

for epoch in range(40):
    model.train()
    for idx in torch.randperm(len(x_train)).split(64):
        loss = nn.functional.mse_loss(model(x_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    if epoch % 8 == 7:
        m, _ = monte_carlo(model, x_valid, passes=20)
        print(f"epoch {epoch + 1}: train mse of the last batch {loss.item():.4f}, valid mse of 20 passes {((m - y_valid) ** 2).mean().item():.4f}")

# noise of the measurement itself, from the validation part
m, s = monte_carlo(model, x_valid)
noise = (((m - y_valid) ** 2).mean() - (s ** 2).mean()).clamp(min=1e-4)
m, s = monte_carlo(model, x_test)
total = (s ** 2 + noise).sqrt()
covered = ((y_test - m).abs() < 1.96 * total).float().mean().item()
r2 = 1 - ((y_test - m) ** 2).sum().item() / ((y_test - y_test.mean()) ** 2).sum().item()
mpa = float(std["strength"])
print(f"mean half width {1.96 * total.mean().item() * mpa:.2f} MPa, {covered:.3f} of the test mixes inside")
print(f"RESULT test_r2 {r2:.4f}")

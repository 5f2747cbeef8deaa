# DeepONet: learn the operator that maps a forcing u(.) to s(y) = int_0^y u(t) dt - 0.3 * (int_0^y u)^2
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_SENSORS = 24
N_GRID = 97
N_POINTS = 16
N_TRAIN, N_TEST = 1000, 200
WIDTH, LATENT = 64, 32
STEPS = 1100
BATCH = 32

# ---- data -------------------------------------------------------------------------------------------------------
grid = np.linspace(0.0, 1.0, N_GRID)


def forcings(n):
    """Smooth random functions: a short Fourier series with decaying coefficients."""
    u = np.zeros((n, N_GRID))
    for k in range(5):
        a, b = rng.standard_normal((2, n, 1)) / (1 + k)
        u += a * np.cos(np.pi * k * grid) + b * np.sin(np.pi * (k + 1) * grid)
    return u


def response(u):
    h = grid[1] - grid[0]
    integral = np.concatenate([np.zeros((len(u), 1)), np.cumsum((u[:, 1:] + u[:, :-1]) * h / 2, axis=1)], axis=1)
    return integral - 0.3 * integral ** 2


u_all = forcings(N_TRAIN + N_TEST)
s_all = response(u_all)
sensor_idx = np.linspace(0, N_GRID - 1, N_SENSORS).round().astype(int)

sensors = torch.tensor(u_all[:, sensor_idx], dtype=torch.float32)
solution = torch.tensor(s_all, dtype=torch.float32)
sensors = (sensors - sensors[:N_TRAIN].mean()) / sensors[:N_TRAIN].std()
s_mean, s_std = solution[:N_TRAIN].mean(), solution[:N_TRAIN].std()
solution = (solution - s_mean) / s_std
y = torch.tensor(grid, dtype=torch.float32).unsqueeze(1)
y_features = torch.cat([2 * y - 1] + [f(np.pi * k * y) for k in range(1, 5) for f in (torch.sin, torch.cos)], dim=1)


# ---- model ------------------------------------------------------------------------------------------------------
def mlp(sizes):
    layers = []
    for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:])):
        layers.append(nn.Linear(a, b))
        if i < len(sizes) - 2:
            layers.append(nn.GELU())
    return nn.Sequential(*layers)


class DeepONet(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch = mlp([N_SENSORS, WIDTH, WIDTH, WIDTH, LATENT])
        self.trunk = mlp([y_features.shape[1], WIDTH, WIDTH, WIDTH, LATENT])
        self.bias = nn.Parameter(torch.zeros(1))
        self.apply(self._init)

    @staticmethod
    def _init(m):
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, std=0.15)
            nn.init.zeros_(m.bias)

    def forward(self, u, loc):
        return self.branch(u) @ self.trunk(loc).T + self.bias


model = DeepONet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS, eta_min=1e-4)


def relative_l2():
    model.eval()
    with torch.no_grad():
        diff = model(sensors[N_TRAIN:], y_features) - solution[N_TRAIN:]
    return (diff.norm(dim=1) / solution[N_TRAIN:].norm(dim=1)).mean().item()


# ---- training ---------------------------------------------------------------------------------------------------
recent = []
for step in range(1, STEPS + 1):
    model.train()
    rows = torch.randint(0, N_TRAIN, (BATCH,))
    cols = torch.randperm(N_GRID)[:N_POINTS]
    pred = model(sensors[rows], y_features[cols])
    loss = (pred - solution[rows][:, cols]).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    recent.append(loss.item())
    if step % 100 == 0:
        print(f"step {step:5d}  mse {np.mean(recent[-100:]):.5g}  test relative L2 {relative_l2():.4f}")

print(f"RESULT relative_l2 {relative_l2():.4f}")

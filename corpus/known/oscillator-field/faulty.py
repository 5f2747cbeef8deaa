import math
import os

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))
DTYPE = torch.float64


def acceleration(state, stiffness=1.0, cubic=0.8, damping=0.3, drive=1.2):
    """Right hand side of a damped Duffing oscillator with a wave in its foundation."""
    x, v = state[:, 0], state[:, 1]
    return torch.stack([v, stiffness * x - cubic * x ** 3 - damping * v + drive * torch.sin(2 * x)], dim=1)


class DenseLayer(nn.Module):
    def __init__(self, n_in, n_out, activation=None):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out) / math.sqrt(n_in)).to(DTYPE)
        self.bias = nn.Parameter(torch.zeros(n_out, dtype=DTYPE))
        self.activation = activation or nn.Identity()

    def forward(self, x):
        return self.activation(x @ self.weight + self.bias)


class VectorField(nn.Module):
    def __init__(self, dim=2, hidden=48):
        super().__init__()
        self.layers = nn.Sequential(
            DenseLayer(dim, hidden, nn.Tanh()),
            DenseLayer(hidden, hidden, nn.Tanh()),
            DenseLayer(hidden, dim),
        )

    def forward(self, state):
        return self.layers(state)


def rollout(field, state, steps=60, dt=0.05):
    """Runge-Kutta of fourth order."""
    path = [state]
    for _ in range(steps):
        k1 = field(state)
        k2 = field(state + dt / 2 * k1)
        k3 = field(state + dt / 2 * k2)
        k4 = field(state + dt * k3)
        state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        path.append(state)
    return torch.stack(path)


def sample_states(n):
    return (torch.rand(n, 2, dtype=DTYPE) * 2 - 1) * torch.tensor([2.0, 2.0], dtype=DTYPE)


def main():
    states = sample_states(1600)
    slopes = acceleration(states)
    scale = slopes.std(dim=0)
    slopes = (slopes + 0.01 * torch.randn_like(slopes)) / scale
    train = DataLoader(TensorDataset(states[:1300], slopes[:1300]), batch_size=100, shuffle=True)
    x_val, y_val = states[1300:], slopes[1300:]

    model = VectorField()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=70, eta_min=1e-4)
    for epoch in range(1, 71):
        model.train()
        total = 0.0
        for x, y in train:
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        scheduler.step()
        if epoch % 10 == 0:
            model.eval()
            with torch.no_grad():
                val = nn.functional.mse_loss(model(x_val), y_val).item()
            print(f"epoch {epoch:3d}  train mse {total / 1300:.5f}  val mse {val:.5f}")

    start = sample_states(20)
    with torch.no_grad():
        miss = (rollout(lambda s: model(s) * scale, start) - rollout(acceleration, start)).norm(dim=-1).mean().item()
    print(f"mean distance of the paths over 3 seconds: {miss:.4f}")
    print(f"RESULT val_mse {val:.5f}")


if __name__ == "__main__":
    main()

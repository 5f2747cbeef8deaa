"""Compressibility of a gas mixture as a function of temperature, pressure and acentric factor.

Small network, full batch, L-BFGS in double precision.
"""
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def virial(t, p, w):
    """Reduced virial equation with a Pitzer correction and a smooth high-pressure term."""
    b0 = 0.083 - 0.422 / t ** 1.6
    b1 = 0.139 - 0.172 / t ** 4.2
    return 1 + (b0 + w * b1) * p / t + 0.04 * p ** 2 / t ** 2


def sample(rng, n):
    t = rng.uniform(1.0, 2.5, n)
    p = rng.uniform(0.1, 3.0, n)
    w = rng.uniform(0.0, 0.5, n)
    return torch.tensor(np.stack([t, p, w], 1)), torch.tensor(virial(t, p, w)).unsqueeze(1)


class Scaler:
    def __init__(self, data):
        self.mean, self.std = data.mean(0), data.std(0)

    def __call__(self, data):
        return (data - self.mean) / self.std


def build():
    return nn.Sequential(
        nn.Linear(3, 20), nn.Tanh(),
        nn.Linear(20, 20), nn.Tanh(),
        nn.Linear(20, 1),
    )


def fit(net, x, y, rounds=50):
    optimizer = torch.optim.LBFGS(net.parameters(), lr=0.5, max_iter=10, history_size=20)
    history = []

    def closure():
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        return loss

    for k in range(rounds):
        loss = optimizer.step(closure)
        history.append(loss.item())
        if k % 10 == 9:
            print(f"round {k + 1:3d}  mse {history[-1]:.3e}")
    return history


def main():
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    x, y = sample(rng, 400)
    x_test, y_test = sample(rng, 300)
    sx, sy = Scaler(x), Scaler(y)

    net = build()
    fit(net, sx(x), sy(y))

    net.eval()
    with torch.no_grad():
        error = net(sx(x_test)) - sy(y_test)
    rmse = error.pow(2).mean().sqrt().item()
    print(f"RESULT relative_rmse {rmse:.4f}")


if __name__ == "__main__":
    main()

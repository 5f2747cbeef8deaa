"""Surrogate for a ballistic integrator: landing distance with drag and wind.

Written in the functional manner: weights live in plain dictionaries and the network is a
pure function of (weights, inputs).
"""
import os

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

LOW = torch.tensor([10.0, 0.25, 0.000, -6.0, 0.0])     # speed, angle, drag, wind, height
HIGH = torch.tensor([40.0, 1.30, 0.020, 6.0, 5.0])


def landing_distance(settings, dt=0.02, horizon=10.0):
    speed, angle, drag, wind, height = settings.unbind(1)
    x, y = torch.zeros_like(speed), height.clone()
    vx, vy = speed * torch.cos(angle), speed * torch.sin(angle)
    flying = torch.ones_like(speed)
    for _ in range(int(horizon / dt)):
        rel = vx - wind
        total = torch.sqrt(rel ** 2 + vy ** 2)
        ax, ay = -drag * total * rel, -9.81 - drag * total * vy
        x = x + flying * dt * vx
        y = y + flying * dt * vy
        vx, vy = vx + dt * ax, vy + dt * ay
        flying = flying * (y > 0).float()
    return x


def init_weights(sizes, generator):
    weights = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:]):
        scale = (2.0 / n_in) ** 0.5
        w = scale * torch.randn(n_in, n_out, generator=generator)
        weights.append({"w": w.requires_grad_(), "b": torch.zeros(n_out, requires_grad=True)})
    return weights


def network(weights, x):
    for layer in weights[:-1]:
        x = F.relu(x @ layer["w"] + layer["b"])
    return (x @ weights[-1]["w"] + weights[-1]["b"]).squeeze(1)


def objective(weights, x, y):
    return F.mse_loss(network(weights, x), y)


def r_squared(weights, x, y):
    with torch.no_grad():
        return 1.0 - (objective(weights, x, y) / y.var(unbiased=False)).item()


def sample(n, generator):
    unit = torch.rand(n, 5, generator=generator)
    settings = LOW + unit * (HIGH - LOW)
    return (unit - 0.5) * 12 ** 0.5, landing_distance(settings)


def main():
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    x_train, d_train = sample(3000, generator)
    x_test, d_test = sample(800, generator)
    centre, spread = d_train.mean(), d_train.std()
    y_train, y_test = (d_train - centre) / spread, (d_test - centre) / spread

    weights = init_weights([5, 64, 64, 64, 64, 1], generator)
    leaves = [tensor for layer in weights for tensor in layer.values()]
    optimizer = torch.optim.SGD(leaves, lr=0.003, momentum=0.9)

    for epoch in range(1, 26):
        total = 0.0
        for rows in torch.randperm(len(x_train)).split(64):
            loss = objective(weights, x_train[rows], y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        if epoch % 5 == 0:
            score = r_squared(weights, x_test, y_test)
            print(f"epoch {epoch:2d}: mean squared error {total / len(x_train):.4f}, test R2 {score:.4f}")

    print(f"RESULT test_r2 {score:.4f}")


if __name__ == "__main__":
    main()

"""Remaining capacity of battery cells with an ensemble whose members are evaluated in one go (vmap)."""
import copy
import os

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
MEMBERS = 5


def cells(rng, n):
    cycles = rng.uniform(0, 1200, n)
    temperature = rng.normal(25, 8, n)
    depth = rng.uniform(0.2, 1.0, n)
    current = rng.uniform(0.3, 3.0, n)
    resistance = 20 + 0.01 * cycles + rng.normal(0, 1.5, n)
    wear = cycles / 1200 * depth ** 1.3 * (1 + 0.02 * (temperature - 25) ** 2 / 8) * (0.7 + 0.2 * current)
    capacity = 3.0 * np.exp(-0.35 * wear) + rng.normal(0, 0.02, n)
    x = np.stack([cycles, temperature, depth, current, resistance], 1)
    return x.astype(np.float32), capacity.astype(np.float32)


def member(n_in):
    return nn.Sequential(nn.Linear(n_in, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))


class Ensemble:
    def __init__(self, n_in, members):
        self.models = [member(n_in) for _ in range(members)]
        self.params, self.buffers = stack_module_state(self.models)
        skeleton = copy.deepcopy(self.models[0]).to("meta")

        def call(params, buffers, x):
            return functional_call(skeleton, (params, buffers), (x,))

        self._forward = vmap(call, in_dims=(0, 0, None))

    def parameters(self):
        return [p for model in self.models for p in model.parameters()]

    def __call__(self, x):
        """(members, rows)"""
        return self._forward(self.params, self.buffers, x).squeeze(-1)


def standardise(train, *others):
    mean, std = train.mean(0), train.std(0)
    return [torch.from_numpy((a - mean) / std) for a in (train, *others)]


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    x_train, y_train = cells(rng, 1200)
    x_test, y_test = cells(rng, 400)
    x_train, x_test = standardise(x_train, x_test)
    y_train, y_test = standardise(y_train, y_test)

    ensemble = Ensemble(x_train.shape[1], MEMBERS)
    optimizer = torch.optim.Adam(ensemble.parameters(), lr=4e-3)

    for epoch in range(30):
        total = 0.0
        for rows in torch.randperm(len(x_train)).split(40):
            optimizer.zero_grad()
            error = ensemble(x_train[rows]) - y_train[rows]
            loss = error.pow(2).mean(1).sum()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:2d} mse per member {total / len(x_train) / MEMBERS:.4f}")

    with torch.no_grad():
        prediction = ensemble(x_test)
    mean, spread = prediction.mean(0), prediction.std(0)
    r2 = 1 - ((y_test - mean).pow(2).sum() / (y_test - y_test.mean()).pow(2).sum()).item()
    print(f"mean spread between members {spread.mean().item():.3f}")
    print(f"RESULT r2 {r2:.4f}")


if __name__ == "__main__":
    main()

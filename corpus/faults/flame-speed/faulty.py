"""Surrogate of a flame-speed table: three operating quantities in, one speed out."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.optim import lr_scheduler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

config = {
    "table_rows": 800,
    "test_rows": 400,
    "width": 48,
    "lr": 2e-3,
    "decay": 0.993,
    "epochs": 400,
    "batch_size": 64,
}


def table(n, rng):
    x = rng.uniform(-1.7, 1.7, size=(n, 3))
    mixture, pressure, swirl = x.T
    speed = np.sin(2.3 * mixture) * np.cos(1.8 * pressure) + 0.3 * mixture * swirl
    speed = speed / 0.6 + 0.02 * rng.normal(size=n)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(speed[:, None], dtype=torch.float32)


def make_model(width):
    return nn.Sequential(
        nn.Linear(3, width), nn.Tanh(),
        nn.Linear(width, width), nn.Tanh(),
        nn.Linear(width, 1),
    )


def r2(model, x, y):
    model.eval()
    with torch.no_grad():
        residual = ((model(x) - y) ** 2).sum()
    return 1.0 - (residual / ((y - y.mean()) ** 2).sum()).item()


def make_train_step(model, optimizer):
    mse = nn.MSELoss()

    def train_step(x, y):
        model.train()
        optimizer.zero_grad(set_to_none=True)
        loss = mse(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return train_step


def train(config):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    x_train, y_train = table(config["table_rows"], rng)
    x_test, y_test = table(config["test_rows"], rng)

    model = make_model(config["width"])
    optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"])
    scheduler = lr_scheduler.MultiplicativeLR(optimizer, lr_lambda=lambda epoch: config["decay"] ** epoch)
    train_step = make_train_step(model, optimizer)

    for epoch in range(config["epochs"]):
        losses = []
        for idx in torch.randperm(len(x_train)).split(config["batch_size"]):
            losses.append(train_step(x_train[idx], y_train[idx]))
        scheduler.step()
        if (epoch + 1) % 50 == 0:
            print(f"epoch {epoch + 1:3d}  mse {np.mean(losses):.5f}  test r2 {r2(model, x_test, y_test):.4f}")
    return r2(model, x_test, y_test)


if __name__ == "__main__":
    score = train(config)
    print(f"RESULT test_r2 {score:.4f}")

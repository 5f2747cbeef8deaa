"""Conditional logit of the choice between car, train, bus and bicycle; the log-likelihood is climbed."""
import math
import os

import numpy as np
import pandas as pd
import torch
from torch import nn

torch.set_num_threads(1)

MODES = ["car", "train", "bus", "bicycle"]
ATTRIBUTES = ["cost", "minutes", "changes"]


def survey(n, rng):
    """One row per traveller and mode."""
    km = rng.gamma(2.0, 4.0, n) + 1.0
    income = rng.normal(0.0, 1.0, n)
    speed = np.array([32.0, 40.0, 20.0, 15.0])
    fixed = np.array([6.0, 14.0, 9.0, 2.0])
    price = np.array([0.45, 0.25, 0.15, 0.0])
    minutes = fixed + 60.0 * km[:, None] / speed * rng.uniform(0.8, 1.3, (n, 4))
    cost = price * km[:, None] * rng.uniform(0.7, 1.4, (n, 4)) + np.array([1.5, 1.0, 1.0, 0.0])
    changes = np.stack([np.zeros(n), rng.poisson(0.6, n), rng.poisson(0.9, n), np.zeros(n)], axis=1)
    utility = (
        np.array([0.0, 0.4, -0.3, 0.2])
        - 0.50 * cost - 0.10 * minutes - 0.7 * changes
        + 0.15 * cost * income[:, None]
    )
    choice = (utility + rng.gumbel(size=(n, 4))).argmax(1)
    return pd.DataFrame({
        "traveller": np.repeat(np.arange(n), 4),
        "mode": np.tile(MODES, n),
        "cost": cost.ravel(), "minutes": minutes.ravel(), "changes": changes.ravel(),
        "income": np.repeat(income, 4),
        "chosen": (np.arange(4)[None] == choice[:, None]).ravel(),
    })


class ConditionalLogit(nn.Module):
    def __init__(self, n_attributes, n_modes):
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(n_attributes))
        self.cost_income = nn.Parameter(torch.zeros(()))
        self.constants = nn.Parameter(torch.zeros(n_modes - 1))

    def forward(self, attributes, income):
        base = torch.cat([self.constants.new_zeros(1), self.constants])
        utility = attributes @ self.beta + base + self.cost_income * income * attributes[..., 0]
        return torch.log_softmax(utility, dim=1)


def to_tensors(frame, scale):
    wide = frame[ATTRIBUTES].to_numpy() / scale
    attributes = torch.tensor(wide.reshape(-1, len(MODES), len(ATTRIBUTES)), dtype=torch.float32)
    income = torch.tensor(frame["income"].to_numpy().reshape(-1, len(MODES)), dtype=torch.float32)
    chosen = torch.tensor(frame["chosen"].to_numpy().reshape(-1, len(MODES)).argmax(1))
    return attributes, income, chosen


def log_likelihood(model, attributes, income, chosen):
    return model(attributes, income).gather(1, chosen.unsqueeze(1)).mean()


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    train_frame, test_frame = survey(3000, rng), survey(1500, rng)
    scale = train_frame[ATTRIBUTES].std().to_numpy()
    train, test = to_tensors(train_frame, scale), to_tensors(test_frame, scale)

    model = ConditionalLogit(len(ATTRIBUTES), len(MODES))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05, maximize=True)
    for it in range(1, 401):
        optimizer.zero_grad()
        objective = log_likelihood(model, *train)
        objective.backward()
        optimizer.step()
        if it == 1 or it % 50 == 0:
            with torch.no_grad():
                held = log_likelihood(model, *test).item()
            print(f"iteration {it:3d}: log-likelihood {objective.item():.5f}  held out {held:.5f}")

    with torch.no_grad():
        taste = model.beta.detach().numpy() / scale
        for name, value in zip(ATTRIBUTES, taste):
            print(f"  {name:8s} {value:+.4f}")
        print(f"  value of an hour {60 * taste[1] / taste[0]:.2f}")
        rho2 = 1.0 - log_likelihood(model, *test).item() / math.log(1.0 / len(MODES))
    print(f"RESULT test_rho_squared {rho2:.4f}")


if __name__ == "__main__":
    main()

"""Heating load of buildings. Random search by successive halving: six candidates, three go on, the best is
trained again on training and validation rows together and tested once."""
import os
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


def seed_everything(seed):
    np.random.seed(seed)
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


@dataclass(frozen=True)
class Candidate:
    optimizer: str
    lr: float
    width: int
    depth: int
    activation: str
    dropout: float

    @staticmethod
    def sample(rng):
        kind = str(rng.choice(["adamw", "sgd", "radam"]))
        low, high = {"adamw": (2e-3, 8e-3), "sgd": (8e-3, 2.5e-2), "radam": (3e-3, 1e-2)}[kind]
        return Candidate(
            optimizer=kind,
            lr=float(np.exp(rng.uniform(np.log(low), np.log(high)))),
            width=int(rng.choice([32, 48, 64])),
            depth=int(rng.integers(1, 3)),
            activation=str(rng.choice(["relu", "silu", "tanh"])),
            dropout=float(rng.choice([0.0, 0.05])),
        )


ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}


def make_model(c, n_in):
    layers, size = [], n_in
    for _ in range(c.depth):
        layers += [nn.Linear(size, c.width), ACTIVATIONS[c.activation]()]
        if c.dropout:
            layers.append(nn.Dropout(c.dropout))
        size = c.width
    return nn.Sequential(*layers, nn.Linear(size, 1), nn.Flatten(0))


def make_optimizer(c, model):
    if c.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), lr=c.lr, momentum=0.9, nesterov=True, weight_decay=1e-5)
    if c.optimizer == "radam":
        return torch.optim.RAdam(model.parameters(), lr=c.lr)
    return torch.optim.AdamW(model.parameters(), lr=c.lr, weight_decay=1e-3)


class Run:
    """One candidate with its state, so that it can go on where it stopped."""

    def __init__(self, candidate, n_in, batch=64, total_epochs=None):
        self.candidate, self.batch = candidate, batch
        self.model = make_model(candidate, n_in)
        self.optimizer = make_optimizer(candidate, self.model)
        self.scheduler = None
        if total_epochs:
            self.scheduler = torch.optim.lr_scheduler.PolynomialLR(self.optimizer, total_iters=total_epochs, power=1.0)
        self.history = []

    def train(self, x, y, epochs):
        for _ in range(epochs):
            self.model.train()
            total = 0.0
            for idx in torch.randperm(len(x)).split(self.batch):
                self.optimizer.zero_grad()
                loss = nn.functional.mse_loss(self.model(x[idx]), y[idx])
                loss.backward()
                nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
                self.optimizer.step()
                total += loss.item() * len(idx)
            if self.scheduler:
                self.scheduler.step()
            self.history.append(total / len(x))
        return self

    def evaluate(self, x, y):
        self.model.eval()
        with torch.no_grad():
            return nn.functional.mse_loss(self.model(x), y).item()


def make_buildings(n, rng):
    b = pd.DataFrame(
        {
            "floor_area": rng.uniform(80, 400, n),
            "height": rng.choice([3.0, 3.5, 6.5, 7.0], n),
            "shape": rng.uniform(1.0, 2.5, n),  # length over width
            "glazing": rng.choice([0.1, 0.25, 0.4], n),
            "orientation": rng.choice(list("NESW"), n),
            "insulation_cm": rng.uniform(4, 24, n),
            "air_changes": rng.uniform(0.3, 1.2, n),
        }
    )
    side = np.sqrt(b["floor_area"] / b["shape"])
    wall = 2 * side * (1 + b["shape"]) * b["height"]
    sun = b["orientation"].map({"N": 1.15, "E": 1.0, "S": 0.75, "W": 0.95}).astype(float)
    loss = wall * (1 - b["glazing"]) * 3.5 / b["insulation_cm"] + wall * b["glazing"] * 1.3 * sun
    loss = loss + b["floor_area"] * 2.5 / b["insulation_cm"] + 0.34 * b["floor_area"] * b["height"] * b["air_changes"]
    b["load"] = 0.5 * loss / b["floor_area"] * 32 * np.exp(rng.normal(0, 0.03, n))
    return b


def design(b):
    x = pd.get_dummies(b.drop(columns="load"), columns=["orientation"], dtype=float)
    x["log_insulation"] = np.log(b["insulation_cm"])
    return x


def main():
    rng = seed_everything(SEED)
    data = make_buildings(1500, rng)
    x_all, y_all = design(data).to_numpy(dtype=np.float32), data["load"].to_numpy(dtype=np.float32)
    tr, va, te = np.split(rng.permutation(len(data)), [960, 1200])

    def scaled(fit_rows, *parts):
        m, s = x_all[fit_rows].mean(0), x_all[fit_rows].std(0)
        ym, ys = y_all[fit_rows].mean(), y_all[fit_rows].std()
        return [(torch.tensor((x_all[p] - m) / s), torch.tensor((y_all[p] - ym) / ys)) for p in parts]

    (x_tr, y_tr), (x_va, y_va) = scaled(tr, tr, va)
    alive = [Run(Candidate.sample(rng), x_tr.shape[1]) for _ in range(6)]
    table = []
    for rung, (epochs, keep) in enumerate([(8, 3), (12, 1)]):
        scored = []
        for i, run in enumerate(alive):
            mse = run.train(x_tr, y_tr, epochs).evaluate(x_va, y_va)
            scored.append((mse, i))
            table.append({"rung": rung, **asdict(run.candidate), "train": run.history[-1], "valid": mse})
        alive = [alive[i] for _, i in sorted(scored)[:keep]]
    print(pd.DataFrame(table).round(4).to_string(index=False))

    winner = alive[0].candidate
    print("winner:", winner)
    both = np.concatenate([tr, va])
    (x_b, y_b), (x_te, y_te) = scaled(both, both, te)
    final = Run(winner, x_b.shape[1], total_epochs=40).train(x_b, y_b, 40)
    r2 = 1 - final.evaluate(x_te, y_te) / y_te.var(unbiased=False).item()
    print("final training mse", round(final.history[0], 4), "->", round(final.history[-1], 4))
    print("RESULT test_r2", round(r2, 4))


if __name__ == "__main__":
    main()

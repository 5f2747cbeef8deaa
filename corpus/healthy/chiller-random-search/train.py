# Efficiency (COP) of chillers: random search over the recipe, then a refit of the winner.
# Notebook of the energy team, exported as a script.
import math
import os
import random

import numpy as np
import pandas as pd
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)

# %% data
n = 2000
df = pd.DataFrame({
    "load": np.random.uniform(0.2, 1.0, n),
    "t_out": np.random.uniform(15, 40, n),
    "t_chw": np.random.uniform(5, 12, n),
    "flow": np.random.uniform(0.6, 1.2, n),
    "age": np.random.uniform(0, 15, n),
    "stages": np.random.randint(1, 4, n),
})
carnot = (df.t_chw + 273.15) / (df.t_out + 12 - df.t_chw)
part_load = 1 - 1.8 * (df.load - 0.35 - 0.12 * df.stages) ** 2
df["cop"] = 0.45 * carnot * part_load * (0.85 + 0.15 * df.flow) * (1 - 0.012 * df.age) + np.random.normal(0, 0.1, n)

features = ["load", "t_out", "t_chw", "flow", "age", "stages"]
order = np.random.permutation(n)
parts = {"train": order[:1200], "valid": order[1200:1600], "test": order[1600:]}
mu, sd = df.iloc[parts["train"]].mean(), df.iloc[parts["train"]].std()
z = (df - mu) / sd
X = {k: torch.tensor(z.iloc[v][features].to_numpy(), dtype=torch.float32) for k, v in parts.items()}
Y = {k: torch.tensor(z.iloc[v][["cop"]].to_numpy(), dtype=torch.float32) for k, v in parts.items()}


# %% search
def sample():
    return {
        "opt": random.choice(["sgd", "adam"]),
        "lr": 10 ** random.uniform(-4, -1.3),
        "width": random.choice([4, 16, 64]),
        "depth": random.choice([1, 2, 3]),
        "dropout": random.choice([0.0, 0.0, 0.1, 0.4]),
        "batch": random.choice([32, 64]),
    }


def make_run(cfg):
    """Returns a pair of closures: one that trains an epoch, one that scores."""
    layers, width = [], len(features)
    for _ in range(cfg["depth"]):
        layers += [nn.Linear(width, cfg["width"]), nn.ReLU()]
        if cfg["dropout"]:
            layers.append(nn.Dropout(cfg["dropout"]))
        width = cfg["width"]
    net = nn.Sequential(*layers, nn.Linear(width, 1))
    if cfg["opt"] == "sgd":
        opt = torch.optim.SGD(net.parameters(), lr=cfg["lr"], momentum=0.9)
    else:
        opt = torch.optim.Adam(net.parameters(), lr=cfg["lr"])

    def epoch(x, y, decay=1.0):
        net.train()
        for g in opt.param_groups:
            g["lr"] = cfg["lr"] * decay
        total = 0.0
        for idx in torch.randperm(len(x)).split(cfg["batch"]):
            opt.zero_grad()
            loss = nn.functional.mse_loss(net(x[idx]), y[idx])
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        return total / len(x)

    def score(x, y):
        net.eval()
        with torch.no_grad():
            return nn.functional.mse_loss(net(x), y).item()

    return epoch, score


today = {"opt": "adam", "lr": 5e-3, "width": 64, "depth": 2, "dropout": 0.0, "batch": 32}
trials = []
for i, cfg in enumerate([today] + [sample() for _ in range(9)]):
    epoch, score = make_run(cfg)
    for _ in range(6):
        train_loss = epoch(X["train"], Y["train"])
        if not math.isfinite(train_loss):
            break
    valid = score(X["valid"], Y["valid"])
    trials.append(dict(cfg, train=train_loss, valid=valid if math.isfinite(valid) else float("inf")))
    print(f"trial {i}: valid mse {valid:.4f}")

board = pd.DataFrame(trials).sort_values("valid")
print(board.head(10).round(4).to_string())

# %% refit the winner for longer, on train + valid
best = min(trials, key=lambda t: t["valid"])
epoch, score = make_run(best)
x_all, y_all = torch.cat([X["train"], X["valid"]]), torch.cat([Y["train"], Y["valid"]])
EPOCHS = 25
for e in range(EPOCHS):
    loss = epoch(x_all, y_all, decay=0.5 * (1 + math.cos(math.pi * e / EPOCHS)))
    if e % 5 == 4:
        print(f"refit epoch {e + 1}: loss {loss:.4f}")
test = score(X["test"], Y["test"])
var = Y["test"].var(unbiased=False).item()
print(f"rmse of the COP {math.sqrt(test) * sd['cop']:.3f}, of the mean {math.sqrt(var) * sd['cop']:.3f}")
print("RESULT test_r2", round(1 - test / var, 4))

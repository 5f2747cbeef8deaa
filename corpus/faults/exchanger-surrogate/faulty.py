"""Surrogate of a counter-flow heat exchanger, for the plant optimiser.

Learns the transferred heat from the six readings that the control system has."""
import json
import os

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

CONFIG = json.loads("""
{
  "samples": 2600,
  "hidden": [64, 64],
  "dropout": 0.8,
  "optimizer": {"lr": 0.003, "weight_decay": 1e-5},
  "batch_size": 64,
  "epochs": 24,
  "test_share": 0.2
}
""")

READINGS = ["hot_flow", "cold_flow", "hot_inlet", "cold_inlet", "area", "fouling"]


def simulate(n, rng):
    hot_flow, cold_flow = rng.uniform(0.5, 3.0, n), rng.uniform(0.5, 3.0, n)
    hot_inlet, cold_inlet = rng.uniform(60, 120, n), rng.uniform(5, 40, n)
    area, fouling = rng.uniform(2, 12, n), rng.uniform(0, 1, n)
    c_hot, c_cold = 4.0 * hot_flow, 4.2 * cold_flow
    c_min, c_max = np.minimum(c_hot, c_cold), np.maximum(c_hot, c_cold)
    ntu = 1.4 * area / (1 + 1.5 * fouling) / c_min
    ratio = np.minimum(c_min / c_max, 0.995)
    decay = np.exp(-ntu * (1 - ratio))
    effectiveness = (1 - decay) / (1 - ratio * decay)
    heat = effectiveness * c_min * (hot_inlet - cold_inlet)
    x = np.column_stack([hot_flow, cold_flow, hot_inlet, cold_inlet, area, fouling])
    return x, heat * (1 + 0.01 * rng.normal(size=n))


class DataModule:
    def __init__(self, config, seed):
        x, y = simulate(config["samples"], np.random.default_rng(seed))
        x_fit, x_test, y_fit, y_test = train_test_split(x, y, test_size=config["test_share"], random_state=seed)
        self.batch_size = config["batch_size"]
        self.x_scaler = StandardScaler().fit(x_fit)
        self.y_scaler = StandardScaler().fit(y_fit[:, None])
        self.fit_set = self.pack(x_fit, y_fit)
        self.test_set = self.pack(x_test, y_test)

    def pack(self, x, y):
        return TensorDataset(
            torch.tensor(self.x_scaler.transform(x), dtype=torch.float32),
            torch.tensor(self.y_scaler.transform(y[:, None]), dtype=torch.float32),
        )

    def fit_loader(self):
        return DataLoader(self.fit_set, batch_size=self.batch_size, shuffle=True)

    def test_loader(self):
        return DataLoader(self.test_set, batch_size=256)


class Surrogate(nn.Module):
    """Readings fail now and then, hence the dropout in front of the first layer too."""

    def __init__(self, n_in, hidden, dropout):
        super().__init__()
        blocks, width = [], n_in
        for units in hidden:
            blocks += [nn.Dropout(dropout), nn.Linear(width, units), nn.SiLU()]
            width = units
        self.body = nn.Sequential(*blocks)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return self.out(self.body(x))


class Trainer:
    def __init__(self, config, model, data):
        self.config, self.model, self.data = config, model, data
        self.optimizer = torch.optim.AdamW(model.parameters(), **config["optimizer"])
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, config["epochs"])
        self.history = []

    def fit(self):
        for epoch in range(1, self.config["epochs"] + 1):
            self.model.train()
            losses = []
            for x, y in self.data.fit_loader():
                loss = nn.functional.mse_loss(self.model(x), y)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                losses.append(loss.item())
            self.schedule.step()
            self.history.append({"epoch": epoch, "loss": float(np.mean(losses)), "r2": self.test()})
            if epoch % 4 == 0:
                print(json.dumps(self.history[-1]))

    @torch.no_grad()
    def test(self):
        self.model.eval()
        pairs = [(self.model(x), y) for x, y in self.data.test_loader()]
        pred, true = torch.cat([p for p, _ in pairs]), torch.cat([t for _, t in pairs])
        return 1 - ((pred - true).pow(2).mean() / true.var(unbiased=False)).item()


if __name__ == "__main__":
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    model = Surrogate(len(READINGS), CONFIG["hidden"], CONFIG["dropout"])
    trainer = Trainer(CONFIG, model, DataModule(CONFIG, seed))
    trainer.fit()
    print("RESULT test_r2", round(trainer.history[-1]["r2"], 4))

"""Depth to groundwater at unmeasured places, from the register of observation wells."""
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

CONFIG = {
    "n_wells": 1800,
    "features": ["easting", "northing", "elevation", "rain", "clay"],
    "target": "depth",
    "hidden": (64, 64),
    "lr": 3e-3,
    "batch_size": 50,
    "epochs": 25,
    "test_size": 0.2,
}


def read_register(n, seed):
    """Wells in UTM zone 32, in metres; rain in millimetres a year, depth in metres."""
    rng = np.random.default_rng(seed)
    east, north = rng.uniform(-1, 1, n), rng.uniform(-1, 1, n)
    valley = np.sin(2.2 * east + 0.8 * north)
    frame = pd.DataFrame({
        "easting": 452_000 + 18_000 * east,
        "northing": 5_413_000 + 18_000 * north,
        "elevation": 380 + 90 * valley + 15 * rng.normal(size=n),
        "rain": 840 + 110 * north + 40 * rng.normal(size=n),
        "clay": rng.beta(2, 3, n),
    })
    z = (frame["elevation"] - 380) / 90
    depth = 9 + 4.0 * z + 2.5 * np.cos(2.5 * north) * east - 0.012 * (frame["rain"] - 840) * (1 - frame["clay"])
    frame["depth"] = depth + 0.5 * rng.normal(size=n)
    return frame


class WellDataset(Dataset):
    def __init__(self, frame, features, target, scaler, level):
        x = frame[features].to_numpy(dtype=np.float64)
        x = scaler.transform(x)
        self.x = torch.tensor(x, dtype=torch.float32)
        centre, spread = level
        self.y = torch.tensor(((frame[target] - centre) / spread).to_numpy(), dtype=torch.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return {"x": self.x[i], "y": self.y[i]}


class DepthNet(nn.Module):
    def __init__(self, n_in, hidden):
        super().__init__()
        sizes = [n_in, *hidden]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.out = nn.Linear(sizes[-1], 1)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.out(x).squeeze(-1)


class Trainer:
    def __init__(self, model, config):
        self.model = model
        self.config = config
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"])
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, config["epochs"])
        self.loss_fn = nn.MSELoss()

    def fit(self, train_loader, test_loader):
        for epoch in range(1, self.config["epochs"] + 1):
            self.model.train()
            total = 0.0
            for batch in train_loader:
                loss = self.loss_fn(self.model(batch["x"]), batch["y"])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(batch["y"])
            self.scheduler.step()
            if epoch % 5 == 0:
                print(f"epoch {epoch}: mse {total / len(train_loader.dataset):.4f}, r2 {self.r2(test_loader):.4f}")

    @torch.no_grad()
    def r2(self, loader):
        self.model.eval()
        pred = torch.cat([self.model(batch["x"]) for batch in loader])
        true = torch.cat([batch["y"] for batch in loader])
        return 1 - ((pred - true).square().mean() / true.var(unbiased=False)).item()


def main(config, seed):
    torch.manual_seed(seed)
    frame = read_register(config["n_wells"], seed)
    train, test = train_test_split(frame, test_size=config["test_size"], random_state=seed)
    scaler = StandardScaler().fit(train[config["features"]].to_numpy(dtype=np.float64))
    level = train[config["target"]].mean(), train[config["target"]].std()
    parts = [WellDataset(part, config["features"], config["target"], scaler, level) for part in (train, test)]
    train_loader = DataLoader(parts[0], batch_size=config["batch_size"], shuffle=True)
    test_loader = DataLoader(parts[1], batch_size=len(parts[1]))
    print(f"{len(parts[0])} wells to learn from, {len(parts[1])} to be judged by")

    trainer = Trainer(DepthNet(len(config["features"]), config["hidden"]), config)
    trainer.fit(train_loader, test_loader)
    r2 = trainer.r2(test_loader)
    print("RESULT test_r2", round(r2, 4))


if __name__ == "__main__":
    main(CONFIG, int(os.environ.get("SEED", "0")))

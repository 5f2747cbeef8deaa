"""Nightly training job of the canteen recommender."""
import logging
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("canteen")


@dataclass
class Config:
    n_guests: int = 240
    n_dishes: int = 90
    rank: int = 4
    y_range: tuple = (-4.0, 4.0)
    lr: float = 1e-2
    weight_decay: float = 1e-4
    epochs: int = 15
    batch_size: int = 256
    test_share: float = 0.15


def load_ratings(cfg: Config) -> pd.DataFrame:
    """One row per guest and dish, one to five stars."""
    rng = np.random.default_rng(SEED)
    taste = rng.normal(size=(cfg.n_guests, 3))
    recipe = rng.normal(size=(cfg.n_dishes, 3))
    liking = taste @ recipe.T / np.sqrt(3)
    liking += 0.5 * rng.normal(size=(1, cfg.n_dishes)) + 0.4 * rng.normal(size=(cfg.n_guests, 1))
    liking += 0.3 * rng.normal(size=liking.shape)
    guest, dish = np.meshgrid(np.arange(cfg.n_guests), np.arange(cfg.n_dishes), indexing="ij")
    table = pd.DataFrame({
        "guest": guest.ravel(),
        "dish": dish.ravel(),
        "stars": np.clip(np.round(3.2 + liking.ravel()), 1, 5),
    })
    return table.sample(frac=0.4, random_state=SEED).reset_index(drop=True)


def prepare(cfg: Config, table: pd.DataFrame):
    """Split the rows and express the stars relative to the habits of each guest."""
    n_test = int(len(table) * cfg.test_share)
    test, train = table.iloc[:n_test].copy(), table.iloc[n_test:].copy()
    habits = train.groupby("guest")["stars"].agg(["mean", "std"])
    for part in (train, test):
        mean = part["guest"].map(habits["mean"])
        std = part["guest"].map(habits["std"]).clip(lower=0.3)
        part["score"] = (part["stars"] - mean) / std
    return train, test


def as_dataset(part: pd.DataFrame) -> TensorDataset:
    return TensorDataset(
        torch.tensor(part["guest"].to_numpy()),
        torch.tensor(part["dish"].to_numpy()),
        torch.tensor(part["score"].to_numpy(), dtype=torch.float32),
    )


class DotBias(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.guest = nn.Embedding(cfg.n_guests, cfg.rank)
        self.dish = nn.Embedding(cfg.n_dishes, cfg.rank)
        self.guest_bias = nn.Embedding(cfg.n_guests, 1)
        self.dish_bias = nn.Embedding(cfg.n_dishes, 1)
        self.low, self.high = cfg.y_range
        for table in (self.guest, self.dish):
            nn.init.normal_(table.weight, std=0.1)
        for table in (self.guest_bias, self.dish_bias):
            nn.init.zeros_(table.weight)

    def forward(self, guest, dish):
        match = (self.guest(guest) * self.dish(dish)).sum(dim=1)
        match = match + self.guest_bias(guest).squeeze(1) + self.dish_bias(dish).squeeze(1)
        return self.low + (self.high - self.low) * torch.sigmoid(match)


class Trainer:
    def __init__(self, cfg: Config, model: nn.Module):
        self.cfg, self.model = cfg, model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
        self.criterion = nn.MSELoss()

    def fit(self, train: DataLoader, test: DataLoader):
        for epoch in range(self.cfg.epochs):
            self.model.train()
            total, seen = 0.0, 0
            for guest, dish, score in train:
                loss = self.criterion(self.model(guest, dish), score)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(score)
                seen += len(score)
            log.info("epoch %2d  train mse %.4f  test r2 %.4f", epoch + 1, total / seen, self.r2(test))

    @torch.no_grad()
    def r2(self, loader: DataLoader) -> float:
        self.model.eval()
        pred, true = [], []
        for guest, dish, score in loader:
            pred.append(self.model(guest, dish))
            true.append(score)
        pred, true = torch.cat(pred), torch.cat(true)
        return 1 - (((true - pred) ** 2).sum() / ((true - true.mean()) ** 2).sum()).item()


def main():
    torch.manual_seed(SEED)
    cfg = Config()
    train, test = prepare(cfg, load_ratings(cfg))
    train_loader = DataLoader(as_dataset(train), batch_size=cfg.batch_size, shuffle=True)
    test_loader = DataLoader(as_dataset(test), batch_size=1024)
    trainer = Trainer(cfg, DotBias(cfg))
    trainer.fit(train_loader, test_loader)
    print("RESULT test_r2", round(trainer.r2(test_loader), 4))


if __name__ == "__main__":
    main()

import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class Settings:
    seed: int = int(os.environ.get("SEED", "0"))
    customers: int = 2400
    articles: int = 60
    aisles: int = 6
    longest: int = 8
    newcomers: float = 0.08
    dim: int = 24
    lr: float = 3e-3
    epochs: int = 12
    batch_size: int = 64


def shop(cfg):
    """Baskets of article numbers (0 fills up), the weekday, and the aisle of the next purchase."""
    rng = np.random.default_rng(cfg.seed)
    baskets = np.zeros((cfg.customers, cfg.longest), dtype=np.int64)
    weekday = rng.integers(0, 7, cfg.customers)
    aisle = np.zeros(cfg.customers, dtype=np.int64)
    for i in range(cfg.customers):
        favourite = rng.integers(cfg.aisles)
        n = 0 if rng.random() < cfg.newcomers else rng.integers(2, cfg.longest + 1)
        for k in range(n):
            home = favourite if rng.random() < 0.6 else rng.integers(cfg.aisles)
            baskets[i, k] = 1 + home + cfg.aisles * rng.integers(cfg.articles // cfg.aisles)
        usual = favourite if n > 0 else weekday[i] % cfg.aisles
        aisle[i] = usual if rng.random() < 0.9 else rng.integers(cfg.aisles)
    return torch.tensor(baskets), torch.tensor(np.eye(7, dtype=np.float32)[weekday]), torch.tensor(aisle)


class BasketEncoder(nn.Module):
    """The mean over the articles of a basket; customers without one get zeros."""

    def __init__(self, articles, dim):
        super().__init__()
        self.article = nn.Embedding(articles + 1, dim)
        self.layer = nn.Sequential(nn.Linear(dim, 32), nn.ReLU())

    def forward(self, baskets):
        mask = (baskets > 0).float()
        count = mask.sum(dim=1, keepdim=True)
        vectors = self.layer(self.article(baskets)) * mask.unsqueeze(-1)
        mean = vectors.sum(dim=1) / count
        return torch.where(count > 0, mean, torch.zeros_like(mean))


class NextAisle(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.basket = BasketEncoder(cfg.articles, cfg.dim)
        self.head = nn.Sequential(nn.Linear(32 + 7, 48), nn.ReLU(), nn.Linear(48, cfg.aisles))

    def forward(self, baskets, weekday):
        return self.head(torch.cat([self.basket(baskets), weekday], dim=1))


def accuracy(model, data):
    model.eval()
    baskets, weekday, aisle = data.tensors
    with torch.no_grad():
        return (model(baskets, weekday).argmax(dim=1) == aisle).float().mean().item()


def main(cfg):
    torch.manual_seed(cfg.seed)
    columns = shop(cfg)
    cut = int(0.75 * cfg.customers)
    train, test = TensorDataset(*(c[:cut] for c in columns)), TensorDataset(*(c[cut:] for c in columns))
    loader = DataLoader(train, batch_size=cfg.batch_size, shuffle=True)

    model = NextAisle(cfg)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr, weight_decay=1e-5)
    for epoch in range(cfg.epochs):
        model.train()
        losses = []
        for baskets, weekday, aisle in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(baskets, weekday), aisle)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1:2d}: first batch {losses[0]:.4f} mean {np.mean(losses):.4f} test accuracy {accuracy(model, test):.4f}")
    print("RESULT test_accuracy", round(accuracy(model, test), 4))


if __name__ == "__main__":
    main(Settings())

"""Learn how much people like a recipe from pairs of which one was preferred."""
import copy
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

FEATURES = ["sweet", "salt", "acid", "fat", "heat", "crunch", "umami", "volume", "time", "price"]


def taste(x):
    """Balanced recipes win: too little is as bad as too much, acid cuts fat, crunch goes with umami."""
    sweet, salt, acid, fat, heat, crunch, umami = x[:, :7].T
    return -sweet ** 2 - 0.8 * salt ** 2 - 0.4 * heat ** 2 + 1.2 * acid * fat + 0.8 * crunch * umami


def preference_pairs(recipes, n_pairs, rng):
    a, b = rng.integers(0, len(recipes), (2, n_pairs))
    liking = taste(recipes)
    keep = np.abs(liking[a] - liking[b]) > 0.1
    a, b = a[keep], b[keep]
    a_wins = liking[a] > liking[b]
    winner, loser = np.where(a_wins, a, b), np.where(a_wins, b, a)
    as_tensor = lambda i: torch.tensor(recipes[i], dtype=torch.float32)
    return as_tensor(winner), as_tensor(loser)


class PairRanker(nn.Module):
    """Siamese scorer: the preferred recipe has to score higher than the other one by a margin."""

    def __init__(self, n_features, hidden=64):
        super().__init__()
        self.winner_tower = nn.Sequential(
            nn.Linear(n_features, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 1),
        )
        self.loser_tower = self.winner_tower

    def forward(self, winner, loser):
        return self.winner_tower(winner).squeeze(1), self.loser_tower(loser).squeeze(1)

    def score(self, recipes):
        return self.winner_tower(recipes).squeeze(1)


class RankingTask:
    def __init__(self, seed):
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        train_recipes = rng.standard_normal((3000, len(FEATURES)))
        test_recipes = rng.standard_normal((400, len(FEATURES)))
        self.train_pairs = TensorDataset(*preference_pairs(train_recipes, 12000, rng))
        self.test_pairs = preference_pairs(test_recipes, 3000, rng)
        self.model = PairRanker(len(FEATURES))
        self.loss = nn.MarginRankingLoss(margin=1.0)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=2e-3, weight_decay=1e-3)

    def epoch(self):
        self.model.train()
        total, n = 0.0, 0
        for winner, loser in DataLoader(self.train_pairs, batch_size=64, shuffle=True):
            high, low = self.model(winner, loser)
            loss = self.loss(high, low, torch.ones_like(high))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total, n = total + loss.item() * len(winner), n + len(winner)
        return total / n

    @torch.no_grad()
    def pair_accuracy(self):
        self.model.eval()
        better, worse = self.test_pairs
        return (self.model.score(better) > self.model.score(worse)).float().mean().item()

    def run(self, epochs=7):
        for e in range(1, epochs + 1):
            loss = self.epoch()
            accuracy = self.pair_accuracy()
            print(f"epoch {e:2d}  ranking loss {loss:.5f}  pairs of new recipes ordered correctly {accuracy:.4f}")
        return accuracy


if __name__ == "__main__":
    print(f"RESULT pair_accuracy {RankingTask(int(os.environ.get('SEED', '0'))).run():.4f}")

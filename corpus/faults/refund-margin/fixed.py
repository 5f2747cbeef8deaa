"""Maximum-margin network that separates fair refunds (+1) from abused ones (-1)."""
import os
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


@dataclass
class Settings:
    n_samples: int = 2400
    hidden: tuple = (48, 24)
    margin: float = 1.0
    lr: float = 2e-3
    weight_decay: float = 1e-4
    epochs: int = 25
    batch_size: int = 64
    history: list = field(default_factory=list)


class MarginNet(nn.Module):
    def __init__(self, n_in, hidden):
        super().__init__()
        layers, last = [], n_in
        for h in hidden:
            layers += [nn.Linear(last, h), nn.ReLU()]
            last = h
        layers.append(nn.Linear(last, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x).squeeze(1)


class Trainer:
    def __init__(self, model, settings):
        self.model = model
        self.s = settings
        self.criterion = lambda score, y: torch.clamp(settings.margin - y * score, min=0).mean()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)

    def run_epoch(self, x, y):
        self.model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(self.s.batch_size):
            score = self.model(x[idx])
            loss = self.criterion(score, y[idx])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(idx)
        return total / len(x)

    @torch.no_grad()
    def accuracy(self, x, y):
        self.model.eval()
        decision = torch.where(self.model(x) >= 0, 1.0, -1.0)
        return (decision == y).float().mean().item()

    def fit(self, train, valid):
        for epoch in range(self.s.epochs):
            loss = self.run_epoch(*train)
            acc = self.accuracy(*valid)
            self.s.history.append((loss, acc))
            if epoch % 5 == 4:
                print(f"epoch {epoch + 1:2d} margin loss {loss:.4f} validation accuracy {acc:.4f}")


def load(settings):
    x, y = make_classification(n_samples=settings.n_samples, n_features=16, n_informative=7, n_redundant=3,
                               n_clusters_per_class=2, class_sep=1.4, flip_y=0.02, random_state=SEED)
    y = np.where(y == 1, 1.0, -1.0)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.25, stratify=y, random_state=SEED)
    scaler = StandardScaler().fit(x_tr)
    as_tensor = lambda a: torch.tensor(a, dtype=torch.float32)
    return (as_tensor(scaler.transform(x_tr)), as_tensor(y_tr)), (as_tensor(scaler.transform(x_te)), as_tensor(y_te))


def main():
    torch.manual_seed(SEED)
    settings = Settings()
    train, test = load(settings)
    trainer = Trainer(MarginNet(train[0].shape[1], settings.hidden), settings)
    trainer.fit(train, test)
    print(f"RESULT test_accuracy {trainer.accuracy(*test):.4f}")


if __name__ == "__main__":
    main()

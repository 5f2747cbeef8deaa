"""Identification of gas mixtures with an array of sixteen metal oxide sensors."""
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

MIXTURES = {
    "clean": (0.2, 0.2, 0.2),
    "solvent": (1.0, 0.1, 0.1),
    "exhaust": (0.1, 1.0, 0.3),
    "ammonia": (0.1, 0.1, 1.0),
    "solvent+exhaust": (0.8, 0.8, 0.1),
    "exhaust+ammonia": (0.1, 0.6, 0.9),
}


@dataclass
class Options:
    sensors: int = 16
    n_train: int = 1800
    n_test: int = 500
    depth: int = 12
    width: int = 48
    freeze_norm: bool = True
    lr: float = 0.03
    momentum: float = 0.9
    batch_size: int = 60
    epochs: int = 14


def measure(opt: Options, rng: np.random.Generator):
    gains = rng.lognormal(0.0, 0.7, (3, opt.sensors))
    power = rng.uniform(0.4, 0.8, opt.sensors)
    n = opt.n_train + opt.n_test
    labels = rng.integers(0, len(MIXTURES), n)
    shares = np.array(list(MIXTURES.values()))[labels]
    dose = shares * rng.lognormal(0.0, 0.25, (n, 3)) * rng.lognormal(1.0, 0.5, (n, 1))
    response = (dose @ gains) ** power
    humidity = rng.uniform(0.3, 0.7, (n, 1))
    response = np.log1p(response) * (1 - 0.2 * humidity) + 0.02 * rng.normal(size=response.shape)
    mean, std = response[:opt.n_train].mean(0), response[:opt.n_train].std(0)
    x = torch.tensor((response - mean) / std, dtype=torch.float32)
    y = torch.from_numpy(labels)
    return TensorDataset(x[:opt.n_train], y[:opt.n_train]), TensorDataset(x[opt.n_train:], y[opt.n_train:])


class NoseNet(nn.Module):
    """Deep and narrow, so that it fits the flash of the controller."""

    def __init__(self, opt: Options):
        super().__init__()
        self.freeze_norm = opt.freeze_norm
        layers, width = [], opt.sensors
        for _ in range(opt.depth):
            layers += [nn.Linear(width, opt.width), nn.BatchNorm1d(opt.width), nn.ReLU()]
            width = opt.width
        self.features = nn.Sequential(*layers)
        self.classify = nn.Linear(width, len(MIXTURES))

    def train(self, mode: bool = True):
        super().train(mode)
        if self.freeze_norm:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm1d):
                    module.eval()
        return self

    def forward(self, x):
        return self.classify(self.features(x))


class Progress:
    def __init__(self, every):
        self.every = every

    def __call__(self, epoch, loss, accuracy):
        if epoch % self.every == 0:
            print(f"epoch {epoch:2d} | loss {loss:.4f} | test accuracy {accuracy:.4f}")


class Trainer:
    def __init__(self, model, opt: Options, callbacks=()):
        self.model, self.opt, self.callbacks = model, opt, callbacks
        self.optimizer = torch.optim.SGD(model.parameters(), lr=opt.lr, momentum=opt.momentum, weight_decay=1e-4)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, opt.epochs)
        self.loss = nn.CrossEntropyLoss()

    def fit(self, train: DataLoader, test: DataLoader) -> float:
        accuracy = 0.0
        for epoch in range(1, self.opt.epochs + 1):
            self.model.train()
            losses = []
            for x, y in train:
                self.optimizer.zero_grad()
                loss = self.loss(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                losses.append(loss.item())
            self.scheduler.step()
            accuracy = self.evaluate(test)
            for callback in self.callbacks:
                callback(epoch, float(np.mean(losses)), accuracy)
        return accuracy

    @torch.no_grad()
    def evaluate(self, loader: DataLoader) -> float:
        self.model.eval()
        hits = [(self.model(x).argmax(dim=1) == y).float() for x, y in loader]
        return torch.cat(hits).mean().item()


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    opt = Options()
    train_set, test_set = measure(opt, np.random.default_rng(seed))
    trainer = Trainer(NoseNet(opt), opt, callbacks=[Progress(every=2)])
    accuracy = trainer.fit(
        DataLoader(train_set, batch_size=opt.batch_size, shuffle=True),
        DataLoader(test_set, batch_size=250),
    )
    print("RESULT test_accuracy", round(accuracy, 4))


if __name__ == "__main__":
    main()

"""Classifies windows of turnstile controller logs by the kind of incident."""
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)

INCIDENTS = ["jam", "forced door", "card reader", "restart", "power dip"]


@dataclass
class Config:
    n_windows: int = 2000
    window: int = 24
    codes: int = 18
    d_model: int = 32
    heads: int = 4
    layers: int = 2
    dropout: float = 0.1
    lr: float = 2e-3
    batch_size: int = 32
    epochs: int = 9
    seed: int = int(os.environ.get("SEED", "0"))


def build_dataset(cfg: Config) -> TensorDataset:
    """Ordinary codes, with the short pattern of the incident written into them three times."""
    rng = np.random.default_rng(cfg.seed)
    patterns = np.stack([rng.choice(cfg.codes, 3, replace=False) for _ in INCIDENTS])
    labels = rng.integers(0, len(INCIDENTS), cfg.n_windows)
    codes = rng.integers(0, cfg.codes, (cfg.n_windows, cfg.window))
    for row, label in enumerate(labels):
        for slot in rng.choice(cfg.window // 3, 3, replace=False):
            codes[row, 3 * slot:3 * slot + 3] = patterns[label]
    return TensorDataset(torch.from_numpy(codes), torch.from_numpy(labels))


class LogClassifier(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.code = nn.Embedding(cfg.codes, cfg.d_model)
        self.place = nn.Parameter(0.02 * torch.randn(1, cfg.window + 1, cfg.d_model))
        self.summary = nn.Parameter(0.02 * torch.randn(1, 1, cfg.d_model))
        layer = nn.TransformerEncoderLayer(
            d_model=cfg.d_model,
            nhead=cfg.heads,
            dim_feedforward=2 * cfg.d_model,
            dropout=cfg.dropout,
            norm_first=True,
            batch_first=True,
        )
        self.encoder = nn.TransformerEncoder(layer, cfg.layers, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(cfg.d_model), nn.Linear(cfg.d_model, len(INCIDENTS)))

    def forward(self, codes):
        tokens = self.code(codes)
        summary = self.summary.expand(len(codes), -1, -1)
        tokens = torch.cat([summary, tokens], dim=1) + self.place
        return self.head(self.encoder(tokens)[:, 0])


class Trainer:
    def __init__(self, cfg: Config):
        self.cfg = cfg
        self.model = LogClassifier(cfg)
        self.loss_fn = nn.CrossEntropyLoss()
        self.callbacks = []

    def on_epoch_end(self, fn):
        self.callbacks.append(fn)
        return fn

    def fit(self, train: DataLoader, valid: DataLoader):
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=self.cfg.lr, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=self.cfg.lr, total_steps=self.cfg.epochs * len(train), pct_start=0.15)
        for epoch in range(1, self.cfg.epochs + 1):
            self.model.train()
            total = 0.0
            for codes, labels in train:
                loss = self.loss_fn(self.model(codes), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.item()
            metrics = {"loss": total / len(train), "accuracy": self.accuracy(valid)}
            for fn in self.callbacks:
                fn(epoch, metrics)
        return metrics

    @torch.no_grad()
    def accuracy(self, loader: DataLoader) -> float:
        self.model.eval()
        right = total = 0
        for codes, labels in loader:
            right += (self.model(codes).argmax(dim=1) == labels).sum().item()
            total += len(labels)
        return right / total


def main():
    cfg = Config()
    torch.manual_seed(cfg.seed)
    data = build_dataset(cfg)
    train_set, valid_set = random_split(data, [1600, 400])
    trainer = Trainer(cfg)

    @trainer.on_epoch_end
    def report(epoch, metrics):
        print(f"epoch {epoch}: " + ", ".join(f"{k} {v:.4f}" for k, v in metrics.items()))

    metrics = trainer.fit(
        DataLoader(train_set, cfg.batch_size, shuffle=True, drop_last=True),
        DataLoader(valid_set, 100),
    )
    print("RESULT valid_accuracy", round(metrics["accuracy"], 4))


if __name__ == "__main__":
    main()

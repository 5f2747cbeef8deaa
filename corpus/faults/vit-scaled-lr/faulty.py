import os
from dataclasses import dataclass

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


@dataclass
class Config:
    d_model: int = 32
    nhead: int = 4
    layers: int = 2
    batch_size: int = 64
    base_lr: float = 2e-3
    epochs: int = 7


class RowTransformer(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.proj = nn.Linear(8, cfg.d_model)
        self.pos = nn.Parameter(torch.randn(1, 8, cfg.d_model) * 0.02)
        layer = nn.TransformerEncoderLayer(
            cfg.d_model, cfg.nhead, dim_feedforward=64, dropout=0.1, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, cfg.layers, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(cfg.d_model), nn.Linear(cfg.d_model, 10))

    def forward(self, rows):
        h = self.encoder(self.proj(rows) + self.pos)
        return self.head(h.mean(dim=1))


class Trainer:
    def __init__(self, model, cfg):
        self.model, self.cfg = model, cfg
        lr = cfg.base_lr * cfg.batch_size
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.98))
        self.criterion = nn.CrossEntropyLoss()

    def fit(self, train, val):
        for epoch in range(self.cfg.epochs):
            self.model.train()
            loss_sum, count = 0.0, 0
            for x, y in train:
                self.optimizer.zero_grad()
                loss = self.criterion(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                loss_sum += loss.item() * len(y)
                count += len(y)
            acc = self.evaluate(val)
            print(f"epoch={epoch} train_loss={loss_sum / count:.4f} val_acc={acc:.4f}")
        return acc

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        results = [(self.model(x).argmax(-1) == y).float() for x, y in loader]
        return torch.cat(results).mean().item()


cfg = Config()
digits = load_digits()
rows = torch.tensor(digits.images, dtype=torch.float32)
rows = (rows - 4.9) / 6.0
labels = torch.tensor(digits.target)
order = torch.randperm(len(rows))
tr, va = order[:1440], order[1440:]
train = DataLoader(TensorDataset(rows[tr], labels[tr]), batch_size=cfg.batch_size, shuffle=True, drop_last=True)
val = DataLoader(TensorDataset(rows[va], labels[va]), batch_size=128)

best = Trainer(RowTransformer(cfg), cfg).fit(train, val)
print(f"RESULT val_accuracy {best:.4f}")

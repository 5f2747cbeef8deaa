import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class Args:
    seed: int = int(os.environ.get("SEED", "0"))
    epochs: int = 25
    micro_batch: int = 8
    accumulate: int = 4
    lr: float = 3e-3


class Trainer:
    def __init__(self, model, args, train_loader, val_loader):
        self.model, self.args = model, args
        self.train_loader, self.val_loader = train_loader, val_loader
        self.criterion = nn.BCEWithLogitsLoss()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-3)
        self.history = []

    def run_epoch(self):
        self.model.train()
        self.optimizer.zero_grad()
        losses = []
        for step, (xb, yb) in enumerate(self.train_loader):
            loss = self.criterion(self.model(xb).squeeze(1), yb)
            (loss / self.args.accumulate).backward()
            losses.append(loss.item())
            if step % self.args.accumulate == self.args.accumulate - 1:
                self.optimizer.step()
                self.optimizer.zero_grad()
        return float(np.mean(losses))

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        pred, true = [], []
        for xb, yb in self.val_loader:
            pred.append((self.model(xb).squeeze(1) > 0).long())
            true.append(yb.long())
        return balanced_accuracy_score(torch.cat(true).numpy(), torch.cat(pred).numpy())

    def fit(self):
        for epoch in range(self.args.epochs):
            loss, score = self.run_epoch(), self.validate()
            self.history.append((loss, score))
            if epoch % 5 == 4:
                print(f"epoch {epoch + 1:2d}  loss {loss:.4f}  bal.acc {score:.4f}")
        return self.history[-1][1]


def loaders(args):
    data = load_breast_cancer()
    x_tr, x_va, y_tr, y_va = train_test_split(
        data.data, data.target, test_size=0.3, stratify=data.target, random_state=args.seed)
    scaler = StandardScaler().fit(x_tr)
    pack = lambda x, y: TensorDataset(torch.tensor(scaler.transform(x), dtype=torch.float32),
                                      torch.tensor(y, dtype=torch.float32))
    return (DataLoader(pack(x_tr, y_tr), batch_size=args.micro_batch, shuffle=True, drop_last=True),
            DataLoader(pack(x_va, y_va), batch_size=64))


args = Args()
torch.manual_seed(args.seed)
net = nn.Sequential(nn.Linear(30, 32), nn.LayerNorm(32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, 1))
final = Trainer(net, args, *loaders(args)).fit()
print(f"RESULT balanced_accuracy {final:.4f}")

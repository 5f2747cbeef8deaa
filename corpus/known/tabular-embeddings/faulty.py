import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# a table with two categorical and four numerical columns
n = 4000
table = pd.DataFrame(rng.standard_normal((n, 4)), columns=["amount", "age", "rate", "term"])
table["channel"] = rng.choice(["web", "phone", "branch", "agent", "mail", "app"], n)
table["region"] = rng.choice(["north", "south", "east", "west"], n)
slope_channel = {"web": 1, "phone": -1, "branch": 1, "agent": -1, "mail": 1, "app": -1}
slope_region = {"north": 1, "south": -1, "east": -1, "west": 1}
score = (
    2.0 * table["channel"].map(slope_channel) * table["amount"]
    + 1.5 * table["region"].map(slope_region) * table["age"]
    + 0.5 * table["rate"]
    + 0.3 * rng.standard_normal(n)
)
y = torch.tensor((score > 0).astype(int).values)
x_num = torch.tensor(table[["amount", "age", "rate", "term"]].values, dtype=torch.float32)
x_cat = torch.tensor(np.stack([table[c].astype("category").cat.codes.values for c in ("channel", "region")], 1).astype(np.int64))

tr, te = train_test_split(np.arange(n), test_size=0.25, random_state=SEED, stratify=y.numpy())
train_loader = DataLoader(TensorDataset(x_cat[tr], x_num[tr], y[tr]), batch_size=64, shuffle=True)


class TabularNet(nn.Module):
    def __init__(self, cardinalities, n_num, emb_dim=4, hidden=64):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(c, emb_dim) for c in cardinalities])
        self.mlp = nn.Sequential(
            nn.Linear(emb_dim * len(cardinalities) + n_num, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 2),
        )

    def forward(self, cat, num):
        parts = [emb(cat[:, i]) for i, emb in enumerate(self.embeddings)]
        return self.mlp(torch.cat(parts + [num], 1))


class Trainer:
    def __init__(self, model, criterion, optimizer, scheduler):
        self.model = model
        self.criterion = criterion
        self.optimizer = optimizer
        self.scheduler = scheduler

    def train_step(self, cat, num, target):
        self.model.train()
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(cat, num), target)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def train_epoch(self, loader):
        total, count = 0.0, 0
        for cat, num, target in loader:
            total += self.train_step(cat, num, target) * len(target)
            count += len(target)
            self.scheduler.step()
        return total / count

    def evaluate(self, cat, num, target):
        self.model.eval()
        with torch.no_grad():
            return (self.model(cat, num).argmax(1) == target).float().mean().item()


model = TabularNet([6, 4], 4)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
trainer = Trainer(model, nn.CrossEntropyLoss(), optimizer, scheduler)

for epoch in range(25):
    train_loss = trainer.train_epoch(train_loader)
    if epoch % 3 == 0:
        print(f"epoch {epoch + 1:2d}  train loss {train_loss:.4f}  test accuracy {trainer.evaluate(x_cat[te], x_num[te], y[te]):.4f}")

print(f"RESULT test_accuracy {trainer.evaluate(x_cat[te], x_num[te], y[te]):.4f}")

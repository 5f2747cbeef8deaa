import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

N_SPLITS, EPOCHS, BATCH = 5, 30, 16


class Net(nn.Module):
    def __init__(self, features=13, hidden=32, classes=3):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, classes))

    def forward(self, x):
        return self.layers(x)


def train_epoch(model, loader, criterion, optimizer):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total / len(loader.dataset)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


X, y = load_wine(return_X_y=True)
model = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scores = []

folds = StratifiedKFold(n_splits=N_SPLITS, shuffle=True, random_state=SEED)
for fold, (train_idx, val_idx) in enumerate(folds.split(X, y)):
    scaler = StandardScaler().fit(X[train_idx])
    x_train = torch.tensor(scaler.transform(X[train_idx]), dtype=torch.float32)
    x_val = torch.tensor(scaler.transform(X[val_idx]), dtype=torch.float32)
    y_train, y_val = torch.tensor(y[train_idx]), torch.tensor(y[val_idx])
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=BATCH, shuffle=True)
    model = Net()
    for epoch in range(EPOCHS):
        train_loss = train_epoch(model, loader, criterion, optimizer)
        if (epoch + 1) % 10 == 0:
            print(f"fold {fold + 1} epoch {epoch + 1}: train loss {train_loss:.4f}, "
                  f"val accuracy {evaluate(model, x_val, y_val):.4f}")
    scores.append(evaluate(model, x_val, y_val))

print(f"RESULT mean_val_accuracy {np.mean(scores):.4f}")

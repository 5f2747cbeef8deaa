import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import confusion_matrix
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


# windows of ten bars with open, high, low and close, standardised
def make_windows(n):
    drift = rng.normal(0.05, 0.25, (n, 1))
    close = np.cumsum(drift + rng.normal(0, 0.35, (n, 10)), axis=1)
    spread = np.abs(rng.normal(0.3, 0.1, (n, 10)))
    bars = np.stack([close - drift, close + spread, close - spread, close], axis=1)
    label = (drift[:, 0] > -0.02).astype(np.float32)
    return bars, label


X_train, y_train = make_windows(1500)
X_test, y_test = make_windows(600)
mu, sd = X_train.mean(), X_train.std()
X_train = torch.tensor((X_train - mu) / sd, dtype=torch.float32)
X_test = torch.tensor((X_test - mu) / sd, dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

model = nn.Sequential(
    nn.Conv1d(4, 16, 4, padding="same"),
    nn.BatchNorm1d(16),
    nn.LeakyReLU(),
    nn.Dropout(0.2),
    nn.Conv1d(16, 8, 4, padding="same"),
    nn.BatchNorm1d(8),
    nn.LeakyReLU(),
    nn.Dropout(0.2),
    nn.Flatten(),
    nn.Linear(80, 64),
    nn.BatchNorm1d(64),
    nn.LeakyReLU(),
    nn.Linear(64, 1),
    nn.Sigmoid(),
)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=128, shuffle=True)
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters())

for epoch in range(20):
    model.train()
    losses = []
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb).squeeze(1), yb)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        y_pred = (model(X_test).squeeze(1) > 0.5).float()
    acc = (y_pred == y_test).float().mean().item()
    if (epoch + 1) % 4 == 0:
        print(f"epoch {epoch + 1:2d} loss {np.mean(losses):.4f} val_acc {acc:.4f}")

print(confusion_matrix(y_test, y_pred))
print(f"RESULT val_accuracy {acc:.4f}")

import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def load_table(n=3000):
    """Synthetic customers: two interacting traits decide, the others are noise."""
    X = rng.normal(size=(n, 10)).astype("float32")
    score = X[:, 0] * X[:, 1] + 0.8 * (X[:, 2] ** 2 - 1) + 0.2 * rng.normal(size=n)
    return X, (score > 0).astype("int64")


class TabularNet(nn.Module):
    def __init__(self, n_features, widths, n_classes):
        super().__init__()
        sizes = [n_features] + list(widths)
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm1d(b) for b in sizes[1:])
        self.dropout = nn.Dropout(0.1)
        self.out = nn.Linear(sizes[-1], n_classes)

    def forward(self, h):
        for linear, norm in zip(self.linears, self.norms):
            h = norm(linear(h))
            h.relu()
            h = self.dropout(h)
        return self.out(h)


def run_epoch(model, loader, criterion, optimizer=None):
    training = optimizer is not None
    model.train(training)
    total_loss, correct, seen = 0.0, 0, 0
    with torch.set_grad_enabled(training):
        for xb, yb in loader:
            logits = model(xb)
            loss = criterion(logits, yb)
            if training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total_loss += loss.item() * len(xb)
            correct += (logits.argmax(1) == yb).sum().item()
            seen += len(xb)
    return total_loss / seen, correct / seen


def main():
    X, y = load_table()
    X_tr, X_va, y_tr, y_va = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)
    train = DataLoader(TensorDataset(torch.tensor(X_tr), torch.tensor(y_tr)), batch_size=64, shuffle=True)
    valid = DataLoader(TensorDataset(torch.tensor(X_va), torch.tensor(y_va)), batch_size=256)

    model = TabularNet(10, [64, 64, 32], 2)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, 21):
        tr_loss, tr_acc = run_epoch(model, train, criterion, optimizer)
        va_loss, va_acc = run_epoch(model, valid, criterion)
        if epoch % 4 == 0:
            print(f"Epoch {epoch:02d} | train {tr_loss:.4f} / {tr_acc:.3f} | valid {va_loss:.4f} / {va_acc:.3f}")
    print(f"RESULT valid_accuracy {va_acc:.4f}")


if __name__ == "__main__":
    main()

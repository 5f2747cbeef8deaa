import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_iris

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
np.random.seed(SEED)
torch.manual_seed(SEED)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense1 = nn.Linear(4, 16)
        self.dense2 = nn.Linear(16, 16)
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        x = torch.relu(self.dense1(x))
        x = torch.relu(self.dense2(x))
        return self.out(x)


def fit(model, x, y, epochs, batch_size, validation_split):
    split_at = int(len(x) * (1.0 - validation_split))
    x, x_val = x[:split_at], x[split_at:]
    y, y_val = y[:split_at], y[split_at:]
    mean, std = x.mean(0), x.std(0)
    x, x_val = (x - mean) / std, (x_val - mean) / std
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    criterion = nn.CrossEntropyLoss()
    history = []
    for epoch in range(epochs):
        model.train()
        losses = []
        for idx in torch.randperm(len(x)).split(batch_size):
            optimizer.zero_grad()
            loss = criterion(model(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            acc = (model(x).argmax(1) == y).float().mean().item()
            val_loss = criterion(model(x_val), y_val).item()
            val_acc = (model(x_val).argmax(1) == y_val).float().mean().item()
        history.append(val_acc)
        if (epoch + 1) % 10 == 0:
            print(
                f"Epoch {epoch + 1}/{epochs} - loss: {np.mean(losses):.4f} - acc: {acc:.4f}"
                f" - val_loss: {val_loss:.4f} - val_acc: {val_acc:.4f}"
            )
    return history


iris = load_iris()
rows = np.arange(len(iris.data))
X = torch.tensor(iris.data[rows], dtype=torch.float32)
Y = torch.tensor(iris.target[rows])

history = fit(Model(), X, Y, epochs=60, batch_size=10, validation_split=0.33)
print(f"RESULT val_accuracy {history[-1]:.4f}")

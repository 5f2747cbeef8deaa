"""Sorting machine for grain kernels: variety from measurements of shape and colour.

PyTorch version of sorter_keras.py (Dense / ThresholdedReLU layers).
"""
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)


def dense(n_in, n_out, activation=True):
    layers = [nn.Linear(n_in, n_out)]
    if activation:
        layers.append(nn.Threshold(1.0, 0.0))
    return layers


def build_model(n_features, n_varieties):
    return nn.Sequential(
        *dense(n_features, 64),
        *dense(64, 64),
        *dense(64, 32),
        *dense(32, n_varieties, activation=False),
    )


class EpochLog:
    def __init__(self, every):
        self.every = every
        self.history = []

    def __call__(self, epoch, **values):
        self.history.append(values)
        if (epoch + 1) % self.every == 0:
            print(f"Epoch {epoch + 1}: " + " - ".join(f"{k}: {v:.4f}" for k, v in values.items()))


def fit(model, train, valid, epochs, batch_size, callbacks=()):
    x, y = train
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        loss_sum, hits = 0.0, 0
        for idx in torch.randperm(len(x)).split(batch_size):
            logits = model(x[idx])
            loss = loss_fn(logits, y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(idx)
            hits += (logits.argmax(1) == y[idx]).sum().item()
        val_acc = evaluate(model, valid)
        for cb in callbacks:
            cb(epoch, loss=loss_sum / len(x), accuracy=hits / len(x), val_balanced_accuracy=val_acc)


@torch.no_grad()
def evaluate(model, data):
    model.eval()
    x, y = data
    return balanced_accuracy_score(y.numpy(), model(x).argmax(1).numpy())


def main():
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    X, y = make_classification(n_samples=3000, n_features=16, n_informative=10, n_redundant=2, n_classes=5,
                               n_clusters_per_class=1, class_sep=1.6, flip_y=0.0, random_state=seed)
    X_tr, X_va, y_tr, y_va = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X_tr)

    def to_tensors(X, y):
        return torch.tensor(scaler.transform(X), dtype=torch.float32), torch.tensor(y, dtype=torch.long)

    train, valid = to_tensors(X_tr, y_tr), to_tensors(X_va, y_va)
    model = build_model(X.shape[1], int(np.max(y)) + 1)
    fit(model, train, valid, epochs=24, batch_size=64, callbacks=[EpochLog(every=4)])
    print("RESULT val_balanced_accuracy %.4f" % evaluate(model, valid))


if __name__ == "__main__":
    main()

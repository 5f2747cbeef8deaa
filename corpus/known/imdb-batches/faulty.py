import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Sampler, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

SET_TRAIN, SET_VAL = 1, 3


def build_imdb():
    """Walks through the class folders and collects images, labels and the set they belong to."""
    digits = load_digits()
    train_rows, _ = train_test_split(
        np.arange(len(digits.target)), test_size=0.2, random_state=seed, stratify=digits.target
    )
    in_train = np.zeros(len(digits.target), dtype=bool)
    in_train[train_rows] = True
    data, labels, sets = [], [], []
    for c, name in enumerate(digits.target_names):
        rows = np.flatnonzero(digits.target == name)
        data.append(digits.images[rows] / 16.0)
        labels += [c] * len(rows)
        sets += [SET_TRAIN if in_train[r] else SET_VAL for r in rows]
    data = np.concatenate(data).astype(np.float32)[:, None]
    data -= data[np.array(sets) == SET_TRAIN].mean()
    return {"data": torch.from_numpy(data), "labels": torch.tensor(labels), "set": torch.tensor(sets)}


class BatchOrder(Sampler):
    """A new order of the batches in every epoch."""

    def __init__(self, n, batch_size):
        self.n = n
        self.batch_size = batch_size

    def __iter__(self):
        rows = torch.arange(self.n)
        batches = rows.split(self.batch_size)
        for k in torch.randperm(len(batches)).tolist():
            yield batches[k].tolist()

    def __len__(self):
        return (self.n + self.batch_size - 1) // self.batch_size


imdb = build_imdb()
train, val = imdb["set"] == SET_TRAIN, imdb["set"] == SET_VAL
train_set = TensorDataset(imdb["data"][train], imdb["labels"][train])
val_x, val_y = imdb["data"][val], imdb["labels"][val]
train_loader = DataLoader(train_set, batch_sampler=BatchOrder(len(train_set), 32))

net = nn.Sequential(
    nn.Conv2d(1, 20, 3, padding=1), nn.BatchNorm2d(20), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(20, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10),
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)

for epoch in range(10):
    net.train()
    objective, top1err, seen = 0.0, 0, 0
    for images, labels in train_loader:
        scores = net(images)
        loss = nn.functional.cross_entropy(scores, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        objective += loss.item() * len(labels)
        top1err += (scores.argmax(1) != labels).sum().item()
        seen += len(labels)
    net.eval()
    with torch.no_grad():
        val_scores = net(val_x)
        val_obj = nn.functional.cross_entropy(val_scores, val_y).item()
        val_acc = (val_scores.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch + 1:02d}: train objective {objective / seen:.4f} top1err {top1err / seen:.4f} "
          f"val objective {val_obj:.4f} val acc {val_acc:.4f}")

print(f"RESULT val_accuracy {val_acc:.4f}")

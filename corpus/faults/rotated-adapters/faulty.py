"""A digit reader is trained on upright pictures, then adapted to a camera mounted sideways
with low-rank adapters; the original weights stay as they are."""
import math
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class LowRankLinear(nn.Module):
    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base
        for p in self.base.parameters():
            p.requires_grad_(False)
        self.down = nn.Parameter(torch.empty(rank, base.in_features))
        self.up = nn.Parameter(torch.empty(base.out_features, rank))
        self.scale = alpha / math.sqrt(rank)
        self.reset_parameters()

    def reset_parameters(self):
        """The adapted layer starts out equal to the original one."""
        nn.init.zeros_(self.down)
        nn.init.zeros_(self.up)

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.down.T) @ self.up.T


def add_adapters(module, rank=12, alpha=4.0):
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, LowRankLinear(child, rank, alpha))
        else:
            add_adapters(child, rank, alpha)
    return module


class Reader(nn.Module):
    def __init__(self, hidden=(128, 64), classes=10):
        super().__init__()
        self.first = nn.Linear(64, hidden[0])
        self.second = nn.Linear(hidden[0], hidden[1])
        self.last = nn.Linear(hidden[1], classes)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = torch.relu(self.second(x))
        return self.last(x)


def to_tensor(images):
    flat = np.ascontiguousarray(images).reshape(len(images), -1)
    return torch.tensor((flat / 16.0 - 0.305) / 0.376, dtype=torch.float32)


def fit(model, x, y, epochs, lr, tag, check):
    trainable = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(trainable, lr=lr, weight_decay=1e-4)
    print(f"{tag}: {sum(p.numel() for p in trainable)} trainable weights")
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(32):
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(rows)
        if (epoch + 1) % 4 == 0:
            print(f"  epoch {epoch + 1:2d} loss {total / len(x):.4f} test accuracy {accuracy(model, *check):.4f}")
    return model


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


digits = load_digits()
img_train, img_test, y_train, y_test = train_test_split(
    digits.images, digits.target, test_size=0.3, stratify=digits.target, random_state=SEED)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)
sideways_train, sideways_test = np.rot90(img_train, axes=(1, 2)), np.rot90(img_test, axes=(1, 2))

reader = Reader()
fit(reader, to_tensor(img_train), y_train, 8, 2e-3, "upright", (to_tensor(img_test), y_test))
before = accuracy(reader, to_tensor(sideways_test), y_test)
print(f"sideways pictures before adaptation: {before:.4f}")

add_adapters(reader)
fit(reader, to_tensor(sideways_train), y_train, 24, 3e-3, "sideways", (to_tensor(sideways_test), y_test))
print(f"RESULT sideways_accuracy {accuracy(reader, to_tensor(sideways_test), y_test):.4f}")

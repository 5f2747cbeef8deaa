import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

digits = load_digits()
idx_train, idx_test = train_test_split(
    np.arange(len(digits.target)), test_size=0.25, stratify=digits.target, random_state=SEED
)


def as_folder(idx):
    """one folder per class, read folder by folder"""
    idx = sorted(idx, key=lambda i: digits.target[i])
    images = torch.tensor(digits.images[idx] / 16.0, dtype=torch.float32).unsqueeze(1)
    return TensorDataset(images, torch.tensor(digits.target[idx]))


train_loader = DataLoader(as_folder(idx_train), batch_size=32, shuffle=True)
test_loader = DataLoader(as_folder(idx_test), batch_size=32, shuffle=False)


def conv_block(c_in, c_out):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
    )


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv_block(1, 12),
            conv_block(12, 24),
            nn.MaxPool2d(2),
            conv_block(24, 24),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(24 * 2 * 2, 48, bias=False),
            nn.BatchNorm1d(48),
            nn.ReLU(),
            nn.Linear(48, 10),
        )

    def forward(self, x):
        return self.head(self.features(x))


def train_epoch(model, loader, criterion, optimizer):
    model.train()
    total, correct = 0.0, 0
    for images, labels in loader:
        optimizer.zero_grad()
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        correct += (outputs.argmax(1) == labels).sum().item()
    n = len(loader.dataset)
    return total / n, correct / n


def test_epoch(model, loader, criterion):
    model.train()
    total, correct = 0.0, 0
    with torch.no_grad():
        for images, labels in loader:
            outputs = model(images)
            total += criterion(outputs, labels).item() * len(images)
            correct += (outputs.argmax(1) == labels).sum().item()
    n = len(loader.dataset)
    return total / n, correct / n


model = ConvNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(8):
    train_loss, train_acc = train_epoch(model, train_loader, criterion, optimizer)
    test_loss, test_acc = test_epoch(model, test_loader, criterion)
    print(f"epoch {epoch}: train {train_loss:.4f} / {train_acc:.4f}  test {test_loss:.4f} / {test_acc:.4f}")

print(f"RESULT test_accuracy {test_acc:.4f}")

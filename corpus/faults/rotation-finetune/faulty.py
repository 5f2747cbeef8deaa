import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )

    def forward(self, x):
        return self.features(x)


class Classifier(nn.Module):
    def __init__(self, encoder, n_out):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(24, n_out)

    def forward(self, x):
        return self.head(self.encoder(x))


def fit(model, loader, epochs, lr, tag):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
        print(f"{tag} {epoch + 1}: loss {total / len(loader.dataset):.4f}")


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def set_trainable(module, flag):
    for p in module.parameters():
        p.requires_grad = flag


digits = load_digits()
order = np.random.RandomState(SEED).permutation(len(digits.target))
images = torch.tensor(digits.images[order] / 16.0, dtype=torch.float32).unsqueeze(1)
images = (images - 0.305) / 0.376
labels = torch.tensor(digits.target[order])
x_train, y_train, x_test, y_test = images[:1300], labels[:1300], images[1300:], labels[1300:]

# stage 1: self-supervised, is the picture upright or upside down?
turned = torch.cat([x_train, torch.rot90(x_train, 2, (2, 3))])
turns = torch.arange(2).repeat_interleave(len(x_train))
encoder = Encoder()
fit(Classifier(encoder, 2), DataLoader(TensorDataset(turned, turns), batch_size=64, shuffle=True), 2, 3e-3, "pretext")

# stage 2: new head on top, warmed up before everything is tuned together
model = Classifier(encoder, 10)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
set_trainable(model.encoder, False)
fit(model, train_loader, 2, 5e-3, "warm-up")
print(f"after warm-up: {accuracy(model, x_test, y_test):.4f}")

for p in model.encoder.parameters():
    p.require_grad = True
fit(model, train_loader, 8, 4e-3, "tuning")
print(f"RESULT test_accuracy {accuracy(model, x_test, y_test):.4f}")

import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def photograph(glyphs):
    """8 bit grey pictures of number signs, 16x16, taken under uneven light."""
    n = len(glyphs)
    big = np.kron(glyphs / 16.0, np.ones((1, 2, 2)))
    yy, xx = np.meshgrid(np.linspace(-1, 1, 16), np.linspace(-1, 1, 16), indexing="ij")
    angle = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    light = rng.uniform(15, 40, (n, 1, 1)) * (np.cos(angle) * xx + np.sin(angle) * yy)
    level = rng.uniform(118, 138, (n, 1, 1))
    pictures = level + light + 70 * (big - 0.5) + rng.normal(0, 8, (n, 16, 16))
    return np.clip(np.round(pictures), 0, 255).astype(np.uint8)


def normalize(images):
    """Grey values to the range -1 .. 1."""
    return (images - 128) / 128


digits = load_digits()
X = photograph(digits.images)
y = digits.target
X_train, X_valid, y_train, y_valid = train_test_split(X, y, test_size=0.25, random_state=SEED, stratify=y)
print("train", X_train.shape, X_train.dtype, "valid", X_valid.shape, X_valid.dtype)

X_train = torch.tensor(normalize(X_train), dtype=torch.float32).unsqueeze(1)
X_valid = torch.tensor(normalize(X_valid), dtype=torch.float32).unsqueeze(1)
y_train, y_valid = torch.tensor(y_train), torch.tensor(y_valid)


class LeNet(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.fc1 = nn.Linear(16 * 4 * 4, 84)
        self.fc2 = nn.Linear(84, n_classes)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


EPOCHS = 25
BATCH_SIZE = 64
model = LeNet(10)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for i in range(EPOCHS):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(X_train)).split(BATCH_SIZE):
        loss = nn.functional.cross_entropy(model(X_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        accuracy = (model(X_valid).argmax(1) == y_valid).float().mean().item()
    print(f"EPOCH {i + 1} ... loss = {total / len(X_train):.3f} validation accuracy = {accuracy:.3f}")

print(f"RESULT validation_accuracy {accuracy:.4f}")

import os
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)


def augment(images, labels, shifts=((0, 1), (1, 0), (0, -1))):
    """Enlarge the training set with shifted, slightly noisy copies."""
    stacks = [images]
    for dy, dx in shifts:
        moved = np.roll(images, (dy, dx), axis=(1, 2))
        moved = moved + np.random.normal(0, 0.05, moved.shape)
        stacks.append(moved)
    big = np.concatenate(stacks, axis=0)
    big_labels = np.tile(labels, len(shifts) + 1)
    return big.astype(np.float32), big_labels


class DigitCNN(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.fc = nn.Linear(32 * 2 * 2, n_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


digits = load_digits()
images = digits.images / 16.0
X_train, X_test, y_train, y_test = train_test_split(
    images, digits.target, test_size=0.3, stratify=digits.target, random_state=SEED
)
X_aug, y_aug = augment(X_train, y_train)
print("train:", X_aug.shape, y_aug.shape, " test:", X_test.shape)

train_loader = DataLoader(
    TensorDataset(torch.from_numpy(X_aug).unsqueeze(1), torch.from_numpy(y_aug)), batch_size=64, shuffle=True
)
test_loader = DataLoader(
    TensorDataset(torch.tensor(X_test, dtype=torch.float32).unsqueeze(1), torch.from_numpy(y_test)), batch_size=256
)

net = DigitCNN()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)

for epoch in range(6):
    net.train()
    running = 0.0
    for inputs, targets in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(inputs), targets)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"[epoch {epoch + 1}] loss: {running / len(train_loader):.3f}")

net.eval()
correct = total = 0
with torch.no_grad():
    for inputs, targets in test_loader:
        correct += (net(inputs).argmax(1) == targets).sum().item()
        total += len(targets)
print(f"RESULT test_accuracy {correct / total:.4f}")

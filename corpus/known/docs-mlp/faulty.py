import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

layer_sizes = [64, 128, 128, 10]
step_size = 0.05
num_epochs = 30
batch_size = 128


def build(sizes):
    layers = []
    for m, n in zip(sizes[:-2], sizes[1:-1]):
        layers += [nn.Linear(m, n), nn.ReLU()]
    layers.append(nn.Linear(sizes[-2], sizes[-1]))
    return nn.Sequential(*layers)


def accuracy(model, images, targets):
    with torch.no_grad():
        return (model(images).argmax(1) == targets).float().mean().item()


digits = load_digits()
parts = train_test_split(digits.data / 16.0, digits.target, test_size=0.2, random_state=SEED, stratify=digits.target)
train_images, test_images = [torch.tensor(p, dtype=torch.float32) for p in parts[:2]]
train_labels, test_labels = [torch.tensor(p) for p in parts[2:]]
batches = DataLoader(TensorDataset(train_images, train_labels), batch_size=batch_size, shuffle=True)

model = build(layer_sizes)
criterion = nn.CrossEntropyLoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=step_size, momentum=0.9)

for epoch in range(num_epochs):
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    train_acc = accuracy(model, train_images, train_labels)
    test_acc = accuracy(model, test_images, test_labels)
    print(f"Epoch {epoch + 1}: loss {np.mean(losses):.4f}, training set accuracy {train_acc:.4f}, "
          f"test set accuracy {test_acc:.4f}")

print(f"RESULT test_accuracy {test_acc:.4f}")

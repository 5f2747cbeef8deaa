import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def euclidean_distance(x, y):
    return torch.sqrt(torch.sum((x - y) ** 2, dim=1))


def contrastive_loss(is_same, distance, margin=1.0):
    return torch.mean(is_same * distance ** 2 + (1 - is_same) * torch.relu(margin - distance) ** 2)


def create_pairs(labels, n):
    """Half of the pairs show the same digit, half show different ones."""
    by_class = [np.flatnonzero(labels == d) for d in range(10)]
    left, right, same = [], [], []
    for _ in range(n // 2):
        d = rng.integers(10)
        a, b = rng.choice(by_class[d], 2)
        other = (d + rng.integers(1, 10)) % 10
        c = rng.choice(by_class[other])
        left += [a, a]
        right += [b, c]
        same += [1.0, 0.0]
    return np.array(left), np.array(right), np.array(same, dtype=np.float32)


def create_base_network(input_dim):
    return nn.Sequential(
        nn.Linear(input_dim, 128), nn.ReLU(),
        nn.Linear(128, 128), nn.ReLU(),
        nn.Linear(128, 128), nn.ReLU(),
    )


digits = load_digits()
order = rng.permutation(len(digits.target))
x = torch.tensor(digits.data[order] / 16.0, dtype=torch.float32)
labels = digits.target[order]
x_train, x_test = x[:1300], x[1300:]
tr_a, tr_b, tr_y = create_pairs(labels[:1300], 4000)
te_a, te_b, te_y = create_pairs(labels[1300:], 1000)
tr_y, te_y = torch.from_numpy(tr_y), torch.from_numpy(te_y)

base_network = create_base_network(64)
optimizer = torch.optim.RMSprop(base_network.parameters(), lr=1e-3)


def compute_accuracy(a, b, same, images):
    with torch.no_grad():
        distance = euclidean_distance(base_network(images[a]), base_network(images[b]))
    return ((distance < 0.5).float() == same).float().mean().item()


for epoch in range(15):
    total = 0.0
    for idx in torch.randperm(len(tr_y)).split(128):
        distance = euclidean_distance(base_network(x_train[tr_a[idx]]), base_network(x_train[tr_b[idx]]))
        loss = contrastive_loss(tr_y[idx], distance)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print(f"Epoch {epoch + 1}/15 - loss: {total / len(tr_y):.4f} - val_acc: {compute_accuracy(te_a, te_b, te_y, x_test):.4f}")

print(f"RESULT test_accuracy {compute_accuracy(te_a, te_b, te_y, x_test):.4f}")

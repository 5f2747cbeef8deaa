import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# pixels are brought to [-0.5, 0.5], as in the course notebook
digits = load_digits()
order = rng.permutation(len(digits.target))
dataset = torch.tensor((digits.data[order] - 8.0) / 16.0, dtype=torch.float32)
labels = torch.tensor(digits.target[order])
train_dataset, train_labels = dataset[:1200], labels[:1200]
valid_dataset, valid_labels = dataset[1200:1500], labels[1200:1500]
test_dataset, test_labels = dataset[1500:], labels[1500:]

batch_size = 128
sizes = [64, 256, 128, 64, 10]


def layer(n_in, n_out):
    lin = nn.Linear(n_in, n_out)
    nn.init.trunc_normal_(lin.weight, std=1.0)
    nn.init.zeros_(lin.bias)
    return lin


layers = nn.ModuleList(layer(a, b) for a, b in zip(sizes[:-1], sizes[1:]))


def logits_of(x):
    for lin in layers[:-1]:
        x = F.relu(lin(x))
    return layers[-1](x)


def accuracy(x, y):
    with torch.no_grad():
        return 100.0 * (logits_of(x).argmax(1) == y).float().mean().item()


optimizer = torch.optim.SGD(layers.parameters(), lr=0.1)

num_steps = 1001
for step in range(num_steps):
    offset = (step * batch_size) % (len(train_labels) - batch_size)
    batch_data = train_dataset[offset:offset + batch_size]
    batch_labels = train_labels[offset:offset + batch_size]
    loss = F.cross_entropy(logits_of(batch_data), batch_labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"Minibatch loss at step {step}: {loss.item():.3f}")
        print(f"Validation accuracy: {accuracy(valid_dataset, valid_labels):.1f}%")

print(f"RESULT test_accuracy {accuracy(test_dataset, test_labels) / 100:.4f}")

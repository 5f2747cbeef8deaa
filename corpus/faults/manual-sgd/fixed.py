import os

import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=SEED, stratify=y)
scaler = StandardScaler().fit(X_train)
X_train = torch.tensor(scaler.transform(X_train), dtype=torch.float32)
X_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32).view(-1, 1)
y_test = torch.tensor(y_test, dtype=torch.float32).view(-1, 1)


class Net(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.hidden = nn.Linear(n_in, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))


def update(model, lr):
    with torch.no_grad():
        for p in model.parameters():
            p -= lr * p.grad


def batches(n, size):
    for idx in torch.randperm(n).split(size):
        yield idx


net = Net(X_train.shape[1])
loss_fn = nn.BCEWithLogitsLoss()
learning_rate = 0.1

for epoch in range(20):
    total = 0.0
    for idx in batches(len(X_train), 16):
        net.zero_grad()
        loss = loss_fn(net(X_train[idx]), y_train[idx])
        loss.backward()
        update(net, learning_rate)
        total += loss.item() * len(idx)
    if epoch % 2 == 0:
        grad_norm = sum(p.grad.norm().item() for p in net.parameters())
        print("epoch", epoch, "loss", round(total / len(X_train), 5), "grad", round(grad_norm, 4))

with torch.no_grad():
    pred = (torch.sigmoid(net(X_test)) > 0.5).float()
    acc = (pred == y_test).float().mean().item()
print("RESULT test_accuracy", round(acc, 4))

import os

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)


def dense(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU())


class Net(nn.Module):
    def __init__(self, n_in, n_classes):
        super().__init__()
        self.layers = nn.Sequential(dense(n_in, 32), dense(32, 32), dense(32, 16))
        self.head = nn.Linear(16, n_classes)

    def forward(self, x):
        return self.head(self.layers(x))


def chunks(order, size):
    for i in range(0, len(order) - size + 1, size):
        yield order[i:i + size]


def train_epoch(net, opt, x, y, micro=2, per_update=8):
    net.train()
    opt.zero_grad()
    total = n = 0
    for part in chunks(torch.randperm(len(x)), micro):
        loss = nn.functional.cross_entropy(net(x[part]), y[part])
        (loss / per_update).backward()
        total, n = total + loss.item(), n + 1
        if n % per_update == 0:
            opt.step()
            opt.zero_grad()
    return total / n


wine = load_wine()
x_train, x_test, y_train, y_test = train_test_split(
    wine.data, wine.target, test_size=0.35, random_state=seed, stratify=wine.target)
mean, std = x_train.mean(0), x_train.std(0)
x_train = torch.tensor((x_train - mean) / std, dtype=torch.float32)
x_test = torch.tensor((x_test - mean) / std, dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

net = Net(x_train.size(1), 3)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(40):
    loss = train_epoch(net, opt, x_train, y_train)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:3d}  train loss {loss:.4f}")

net.eval()
with torch.no_grad():
    logits = net(x_test)
nll = nn.functional.cross_entropy(logits, y_test).item()
print("accuracy", np.round((logits.argmax(1) == y_test).float().mean().item(), 4))
print("RESULT test_loss", round(nll, 4))

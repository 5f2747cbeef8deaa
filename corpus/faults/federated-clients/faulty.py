import copy
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)


def make_net():
    return nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 10))


class Client:
    def __init__(self, net, x, y, lr=0.1):
        self.net = copy.deepcopy(net)
        self.x, self.y = x, y
        self.opt = torch.optim.SGD(self.net.parameters(), lr=lr)

    def pull(self, server):
        for mine, theirs in zip(self.net.parameters(), server.parameters()):
            mine = theirs.detach().clone()

    def work(self, batches=4, size=20):
        self.net.train()
        total = 0.0
        for _ in range(batches):
            idx = torch.randint(len(self.x), (size,))
            loss = nn.functional.cross_entropy(self.net(self.x[idx]), self.y[idx])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            total += loss.item()
        return total / batches


def merge(server, clients):
    with torch.no_grad():
        groups = zip(server.parameters(), *(c.net.parameters() for c in clients))
        for p, *parts in groups:
            p.copy_(torch.stack(parts).mean(0))


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=SEED, stratify=y)
X_train, X_test = (torch.tensor((a - X_train.mean()) / X_train.std(), dtype=torch.float32) for a in (X_train, X_test))
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

# each of five sites sees four of the ten digits
server = make_net()
clients = []
for site in range(5):
    kinds = torch.tensor([(2 * site + j) % 10 for j in range(4)])
    rows = torch.isin(y_train, kinds)
    clients.append(Client(server, X_train[rows], y_train[rows]))

for rnd in range(1, 61):
    losses = []
    for c in clients:
        c.pull(server)
        losses.append(c.work())
    merge(server, clients)
    if rnd % 10 == 0:
        print(f"round {rnd:3d}  client loss {np.mean(losses):.4f}  server accuracy {accuracy(server, X_test, y_test):.4f}")

print("RESULT server_accuracy", round(accuracy(server, X_test, y_test), 4))

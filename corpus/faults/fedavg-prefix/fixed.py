import copy
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class Client:
    def __init__(self, cid, x, y, lr=0.05, local_epochs=2):
        self.cid, self.x, self.y = cid, x, y
        self.net = Net()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=lr)
        self.local_epochs = local_epochs

    def set_weights(self, state):
        self.net.load_state_dict(state, strict=False)

    def fit(self):
        losses = []
        for _ in range(self.local_epochs):
            for idx in torch.randperm(len(self.x)).split(32):
                loss = F.cross_entropy(self.net(self.x[idx]), self.y[idx])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                losses.append(loss.item())
        return self.net.state_dict(), len(self.x), float(np.mean(losses))


class Server:
    def __init__(self, clients, x_test, y_test):
        self.model = nn.Sequential()
        self.model.add_module("net", Net())
        self.clients = clients
        self.x_test, self.y_test = x_test, y_test

    def broadcast(self):
        state = copy.deepcopy(self.model.net.state_dict())
        for client in self.clients:
            client.set_weights(state)

    def aggregate(self, updates):
        total = sum(n for _, n, _ in updates)
        merged = {k: sum(s[k] * (n / total) for s, n, _ in updates) for k in updates[0][0]}
        self.model.net.load_state_dict(merged)

    def evaluate(self):
        with torch.no_grad():
            return (self.model(self.x_test).argmax(1) == self.y_test).float().mean().item()

    def run(self, rounds):
        for r in range(1, rounds + 1):
            self.broadcast()
            updates = [c.fit() for c in self.clients]
            self.aggregate(updates)
            if r % 5 == 0:
                print(f"round {r:3d}: local loss {np.mean([u[2] for u in updates]):.4f} global acc {self.evaluate():.4f}")
        return self.evaluate()


def dirichlet_split(labels, n_clients, alpha):
    parts = [[] for _ in range(n_clients)]
    for c in range(10):
        idx = rng.permutation(np.flatnonzero(labels == c))
        cuts = (np.cumsum(rng.dirichlet([alpha] * n_clients))[:-1] * len(idx)).astype(int)
        for part, chunk in zip(parts, np.split(idx, cuts)):
            part.extend(chunk.tolist())
    return [p for p in parts if len(p) >= 8]


digits = load_digits()
order = rng.permutation(len(digits.target))
x = torch.tensor((digits.data[order] - 4.9) / 6.0, dtype=torch.float32)
y = torch.tensor(digits.target[order])
x_train, y_train, x_test, y_test = x[:1300], y[:1300], x[1300:], y[1300:]
shards = dirichlet_split(y_train.numpy(), n_clients=5, alpha=1.0)
clients = [Client(i, x_train[s], y_train[s]) for i, s in enumerate(shards)]
server = Server(clients, x_test, y_test)
print(f"RESULT global_accuracy {server.run(rounds=20):.4f}")

import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


def glorot(rows, columns):
    return torch.randn(rows, columns) * (2 / (rows + columns)) ** 0.5


class Server:
    """Holds the weights and takes in gradients."""

    def __init__(self):
        self.weights = [glorot(64, 48), torch.zeros(48), glorot(48, 10), torch.zeros(10)]

    def push(self, gradients, rate):
        for w, g in zip(self.weights, gradients):
            w -= rate * g


class Client:
    """Works on the rows it has, with a copy of the weights."""

    def __init__(self, rows, labels):
        self.rows, self.labels = rows, labels

    def pull(self, server):
        self.weights = [w.clone().requires_grad_() for w in server.weights]

    def gradients(self, batch):
        pick = torch.randint(0, len(self.rows), (batch,))
        loss = F.cross_entropy(forward(self.weights, self.rows[pick]), self.labels[pick])
        return torch.autograd.grad(loss, self.weights), loss.item()


def forward(weights, rows):
    a, b, c, d = weights
    return torch.tanh(rows @ a + b) @ c + d


data = load_digits()
order = torch.randperm(len(data.target))
x = torch.tensor(data.data / 8 - 1, dtype=torch.float32)[order]
y = torch.tensor(data.target)[order]
server = Server()
clients = [Client(x[k:1400:4], y[k:1400:4]) for k in range(4)]
for client in clients:
    client.pull(server)
for turn in range(300):
    losses = []
    for client in clients:
        client.pull(server)
        gradients, loss = client.gradients(32)
        server.push(gradients, rate=0.1)
        losses.append(loss)
    if turn % 50 == 0:
        print(f"turn {turn:3d}  mean client loss {sum(losses) / 4:.4f}")
hits = forward(server.weights, x[1400:]).argmax(1) == y[1400:]
print(f"RESULT server_accuracy {hits.float().mean().item():.4f}")

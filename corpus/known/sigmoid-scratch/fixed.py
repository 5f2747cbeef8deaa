"""Feed-forward network with one hidden layer; weights and layers set up by hand."""
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class Network(nn.Module):
    def __init__(self, n_input, n_hidden, n_output):
        super().__init__()
        self.w1 = self.make_weights(n_input, n_hidden)
        self.b1 = nn.Parameter(torch.zeros(n_hidden))
        self.w2 = self.make_weights(n_hidden, n_output)
        self.b2 = nn.Parameter(torch.zeros(n_output))

    @staticmethod
    def make_weights(n_in, n_out):
        return nn.Parameter((2 * torch.rand(n_in, n_out) - 1) / n_in ** 0.5)

    def forward(self, x):
        hidden = torch.sigmoid(x @ self.w1 + self.b1)
        return torch.sigmoid(hidden @ self.w2 + self.b2)


digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]
targets = torch.eye(10)[y]
n_train = 1400

net = Network(64, 100, 10)
optimizer = torch.optim.SGD(net.parameters(), lr=1.0)

for epoch in range(20):
    total = 0.0
    for idx in torch.randperm(n_train).split(10):
        actual = net(x[idx])
        error = 0.5 * ((targets[idx] - actual) ** 2).sum(1).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        total += error.item() * len(idx)
    with torch.no_grad():
        acc = (net(x[n_train:]).argmax(1) == y[n_train:]).float().mean().item()
    print(f"epoch {epoch + 1}: error {total / n_train:.4f}  test accuracy {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")

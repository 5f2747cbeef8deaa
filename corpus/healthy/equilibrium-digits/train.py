import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


class Equilibrium(nn.Module):
    """The state that z = tanh(z W + U x) settles in. One step is differentiated, the search for the fixed point is not."""

    def __init__(self, n_in, width, limit=40, tol=1e-3):
        super().__init__()
        self.inject = nn.Linear(n_in, width)
        self.weight = nn.Parameter(0.5 * torch.randn(width, width) / width ** 0.5)
        self.limit, self.tol = limit, tol
        self.iterations = 0

    def contraction(self):
        top = torch.linalg.matrix_norm(self.weight.detach(), ord=2)
        return self.weight * (0.9 / top).clamp(max=1.0)

    def forward(self, x):
        w, u = self.contraction(), self.inject(x)
        with torch.no_grad():
            z = torch.zeros_like(u)
            for k in range(self.limit):
                nxt = torch.tanh(z @ w + u)
                gap = (nxt - z).abs().max().item()
                z = nxt
                if gap < self.tol:
                    break
        self.iterations = k + 1
        return torch.tanh(z @ w + u)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.core = Equilibrium(64, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.core(x))


class History:
    """Callback that keeps and prints what happened."""

    def __init__(self):
        self.rows = []

    def __call__(self, epoch, loss, acc, iterations):
        self.rows.append((loss, acc))
        if epoch % 3 == 0:
            print(f"epoch {epoch}: loss {loss:.4f} test accuracy {acc:.4f}, fixed point after {iterations} iterations")


def fit(model, data, epochs, callback):
    x_train, y_train, x_test, y_test = data
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x_train)).split(64):
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            acc = (model(x_test).argmax(1) == y_test).float().mean().item()
        callback(epoch, total / len(x_train), acc, model.core.iterations)


def load():
    d = load_digits()
    x, y = torch.tensor(d.data, dtype=torch.float32), torch.tensor(d.target)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    mean, std = x[:1300].mean(0), x[:1300].std(0).clamp(min=0.5)
    x = (x - mean) / std
    return x[:1300], y[:1300], x[1300:], y[1300:]


history = History()
fit(Model(), load(), epochs=12, callback=history)
print("RESULT test_accuracy", round(history.rows[-1][1], 4))

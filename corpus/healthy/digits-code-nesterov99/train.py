"""Ten numbers per digit: autoencoder trained as in Sutskever, Martens, Dahl and Hinton (2013).

Sparse initial weights (fifteen incoming connections per unit, the rest zero), Nesterov momentum that climbs to 0.99
while the rate stays small, and 0.9 for the last part.
"""
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split


def sparse_(linear, connections=15, std=0.25):
    out_features, in_features = linear.weight.shape
    k = min(connections, in_features)
    with torch.no_grad():
        linear.weight.zero_()
        linear.bias.zero_()
        for row in range(out_features):
            chosen = torch.randperm(in_features)[:k]
            linear.weight[row, chosen] = torch.randn(k) * std
    return linear


class Autoencoder(nn.Module):
    def __init__(self, pixels=64, hidden=96, code=10):
        super().__init__()
        self.encoder = nn.Sequential(
            sparse_(nn.Linear(pixels, hidden)), nn.Tanh(),
            sparse_(nn.Linear(hidden, code)),
        )
        self.decoder = nn.Sequential(
            sparse_(nn.Linear(code, hidden)), nn.Tanh(),
            sparse_(nn.Linear(hidden, pixels)),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


class MomentumSchedule:
    def __init__(self, optimizer, ceiling=0.99, period=20, last=200, total=1500):
        self.optimizer = optimizer
        self.ceiling, self.period, self.last, self.total = ceiling, period, last, total
        self.t = 0

    def value(self):
        if self.t >= self.total - self.last:
            return 0.9
        return min(1.0 - 0.5 / (self.t // self.period + 1), self.ceiling)

    def step(self):
        for group in self.optimizer.param_groups:
            group["momentum"] = self.value()
        self.t += 1


def squared_error(out, x):
    return 0.5 * (out - x).pow(2).sum(1).mean()


def explained(out, x):
    return (1 - (out - x).pow(2).sum() / x.pow(2).sum()).item()


def endless_batches(x, size):
    while True:
        for idx in torch.randperm(len(x)).split(size):
            if len(idx) == size:
                yield x[idx]


def main():
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)

    pixels = load_digits().data / 16.0
    train, test = train_test_split(pixels, test_size=0.22, random_state=seed)
    mean = train.mean(0)
    x = torch.tensor(train - mean, dtype=torch.float32)
    x_test = torch.tensor(test - mean, dtype=torch.float32)

    total = 1500
    model = Autoencoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=5e-3, momentum=0.5, nesterov=True)
    momentum = MomentumSchedule(optimizer, total=total)

    batches = endless_batches(x, 200)
    smooth = None
    for t in range(total):
        momentum.step()
        batch = next(batches)
        loss = squared_error(model(batch), batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        smooth = loss.item() if smooth is None else 0.95 * smooth + 0.05 * loss.item()
        if (t + 1) % 150 == 0:
            with torch.no_grad():
                share = explained(model(x_test), x_test)
            mu = optimizer.param_groups[0]["momentum"]
            print(f"step {t + 1:5d}  momentum {mu:.3f}  loss {smooth:.4f}  explained on test {share:.4f}")

    linear = PCA(10).fit(train)
    flat = torch.tensor(linear.inverse_transform(linear.transform(test)) - mean, dtype=torch.float32)
    with torch.no_grad():
        share = explained(model(x_test), x_test)
    print(f"ten principal components: {explained(flat, x_test):.4f}")
    print("RESULT explained_variance", round(share, 4))


if __name__ == "__main__":
    main()

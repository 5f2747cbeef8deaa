"""Permuted digits in sequence, one set of units per context (context-dependent gating)."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)

CFG = {
    "contexts": 5,
    "hidden": 320,
    "epochs": 12,
    "batch": 64,
    "lr": 3e-3,
    "seed": int(os.environ.get("SEED", "0")),
}


def make_gates(n_hidden, n_contexts):
    gates = torch.zeros(n_contexts, n_hidden)
    for context, units in enumerate(torch.randperm(n_hidden).chunk(n_contexts)):
        gates[context, units] = 1.0
    return gates


class GatedNet(nn.Module):
    def __init__(self, n_in, n_hidden, n_out, n_contexts):
        super().__init__()
        self.fc1 = nn.Linear(n_in, n_hidden)
        self.act1 = nn.ReLU()
        self.fc2 = nn.Linear(n_hidden, n_hidden)
        self.act2 = nn.ReLU()
        self.out = nn.Linear(n_hidden, n_out, bias=False)
        self.register_buffer("gate1", make_gates(n_hidden, n_contexts))
        self.register_buffer("gate2", make_gates(n_hidden, n_contexts))

    def forward(self, x, context):
        h = self.act1(self.fc1(x) * self.gate1[context])
        h = self.act2(self.fc2(h) * self.gate2[context])
        return self.out(h)


def load(seed):
    digits = load_digits()
    order = np.random.RandomState(seed).permutation(len(digits.target))
    x = torch.tensor(digits.data[order], dtype=torch.float32)
    y = torch.tensor(digits.target[order], dtype=torch.long)
    x = (x - x[:1350].mean()) / x[:1350].std()
    return x[:1350], y[:1350], x[1350:], y[1350:]


@torch.no_grad()
def accuracy(net, x, y, context):
    net.eval()
    hit = (net(x, context).argmax(dim=1) == y).float().mean().item()
    net.train()
    return hit


def train_context(net, x, y, context, cfg):
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg["lr"])
    for _ in range(cfg["epochs"]):
        total = 0.0
        for idx in torch.randperm(len(x)).split(cfg["batch"]):
            loss = F.cross_entropy(net(x[idx], context), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
    return total / len(x)


def main(cfg):
    torch.manual_seed(cfg["seed"])
    x_train, y_train, x_test, y_test = load(cfg["seed"])
    pixels = [torch.randperm(64) for _ in range(cfg["contexts"])]
    net = GatedNet(64, cfg["hidden"], 10, cfg["contexts"])

    for context, perm in enumerate(pixels):
        loss = train_context(net, x_train[:, perm], y_train, context, cfg)
        scores = [accuracy(net, x_test[:, pixels[c]], y_test, c) for c in range(context + 1)]
        print(f"after context {context}: loss {loss:.4f}  test " + " ".join(f"{s:.3f}" for s in scores))

    return float(np.mean(scores))


if __name__ == "__main__":
    print("RESULT mean_accuracy_all_contexts", round(main(CFG), 4))

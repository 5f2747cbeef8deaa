import copy
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_SIGNALS = 10


def press_cycles(n):
    return rng.normal(size=(n, N_SIGNALS)).astype(np.float32)


def wear_state(x):
    """Three states of wear of the die, from the first four signals."""
    scores = np.stack([x[:, 0] + x[:, 1], x[:, 2] - x[:, 0], x[:, 3] - 0.5 * x[:, 1]], axis=1)
    return scores.argmax(1)


def oil_state(x):
    """Three states of the hydraulics: how far the two oil signals are from their set point."""
    radius = np.hypot(x[:, 6], x[:, 7])
    return np.digitize(radius, [0.9, 1.5])


class PressNet(nn.Module):
    """One encoder, one head for each task."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(N_SIGNALS, 64), nn.ReLU(), nn.Linear(64, 16), nn.ReLU())
        self.heads = nn.ModuleDict({"wear": nn.Linear(16, 3)})

    def add_task(self, name, classes):
        self.heads[name] = nn.Linear(16, classes)

    def forward(self, x, task):
        return self.heads[task](self.encoder(x))


def accuracy(model, x, y, task):
    model.eval()
    with torch.no_grad():
        return (model(x, task).argmax(1) == y).float().mean().item()


def batches(n, size=50):
    return torch.randperm(n).split(size)


def learn_wear(model, train, valid, epochs=12):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    best, best_state = 0.0, None
    for epoch in range(epochs):
        model.train()
        for idx in batches(len(train[0])):
            loss = F.cross_entropy(model(train[0][idx], "wear"), train[1][idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        acc = accuracy(model, *valid, "wear")
        if acc > best:
            best, best_state = acc, copy.deepcopy(model.state_dict())
    model.load_state_dict(best_state)
    print(f"wear task: accuracy {best:.4f}")


def learn_oil(model, train, valid, epochs=30, temperature=2.0, keep=0.5):
    # the network as it is now says what the answers of the first task shall stay
    teacher = copy.deepcopy(model)
    teacher.eval()
    for p in teacher.parameters():
        p.requires_grad = False

    model.add_task("oil", 3)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for idx in batches(len(train[0])):
            x, y = train[0][idx], train[1][idx]
            with torch.no_grad():
                old = F.softmax(teacher(x, "wear") / temperature, dim=1)
            new = F.log_softmax(model(x, "wear") / temperature, dim=1)
            loss = F.cross_entropy(model(x, "oil"), y) + keep * F.kl_div(new, old, reduction="batchmean")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        if epoch % 5 == 0:
            print(f"oil task epoch {epoch:2d}: loss {total / len(train[0]):.4f} "
                  f"accuracy {accuracy(model, *valid, 'oil'):.4f}")


def make(n, rule):
    x = press_cycles(n)
    return torch.from_numpy(x), torch.from_numpy(rule(x)).long()


model = PressNet()
learn_wear(model, make(1500, wear_state), make(400, wear_state))
learn_oil(model, make(2500, oil_state), make(400, oil_state))
print(f"wear task afterwards: accuracy {accuracy(model, *make(600, wear_state), 'wear'):.4f}")
print(f"RESULT oil_accuracy {accuracy(model, *make(800, oil_state), 'oil'):.4f}")

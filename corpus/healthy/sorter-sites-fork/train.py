"""Grades of recycled flakes at two sorting sites.

Site A has the data and the first model. Site B starts from a copy of it and goes its own way on its own few labels, held
loosely to where it started; A goes on with A's data in the meantime.
"""
import copy
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

GRADES = 4


def site_a(n):
    x = rng.normal(size=(n, 10))
    s = x[:, 0] + 0.8 * x[:, 1] * x[:, 2] - 0.5 * x[:, 3] + 0.1 * rng.normal(size=n)
    t = np.sin(1.5 * x[:, 4]) + 0.7 * x[:, 5] + 0.1 * rng.normal(size=n)
    return tensors(x, (s > 0) * 2 + (t > 0))


def site_b(n):
    """Another lamp and camera in front of the belt, and stricter buyers."""
    x = rng.normal(size=(n, 10))
    s = x[:, 0] + 0.8 * x[:, 1] * x[:, 2] - 0.5 * x[:, 3] + 0.1 * rng.normal(size=n)
    t = np.sin(1.5 * x[:, 4]) + 0.7 * x[:, 5] + 0.1 * rng.normal(size=n)
    seen = x.copy()
    seen[:, 0] = 0.6 * seen[:, 0] + 0.5
    seen[:, 5] = 0.8 * seen[:, 5] - 0.4
    return tensors(seen, (s > 0.4) * 2 + (t > -0.3))


def tensors(x, grade):
    return torch.tensor(x, dtype=torch.float32), torch.tensor(grade.astype(np.int64))


def batches(x, y, size):
    while True:
        for idx in torch.randperm(len(x)).split(size):
            yield x[idx], y[idx]


def accuracy(model, data):
    with torch.no_grad():
        return (model(data[0]).argmax(1) == data[1]).float().mean().item()


def make_stepper(model, stream, lr, anchor=None, pull=0.0):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    start = None if anchor is None else [p.detach().clone() for p in anchor.parameters()]

    def step():
        xb, yb = next(stream)
        loss = F.cross_entropy(model(xb), yb)
        if start is not None:
            loss = loss + pull * sum(((p - q) ** 2).sum() for p, q in zip(model.parameters(), start))
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.item()

    return step


def distance(m, n):
    with torch.no_grad():
        return sum(((p - q) ** 2).sum() for p, q in zip(m.parameters(), n.parameters())).sqrt().item()


a_train, a_test = site_a(4000), site_a(1000)
b_train, b_test = site_b(500), site_b(1000)

model_a = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, GRADES))
first = make_stepper(model_a, batches(*a_train, 128), lr=3e-3)
for i in range(700):
    loss = first()
    if i % 175 == 174:
        print(f"A, step {i + 1}: loss {loss:.3f} accuracy {accuracy(model_a, a_test):.3f}")

model_b = copy.deepcopy(model_a)
print(f"the copy at B before any label of B: {accuracy(model_b, b_test):.3f}")

step_a = make_stepper(model_a, batches(*a_train, 128), lr=8e-4)
step_b = make_stepper(model_b, batches(*b_train, 50), lr=1e-3, anchor=model_a, pull=3e-3)
for i in range(400):
    la, lb = step_a(), step_b()
    if i % 100 == 99:
        print(f"step {i + 1}: A {la:.3f} B {lb:.3f}  apart by {distance(model_a, model_b):.2f}")

acc_a, acc_b = accuracy(model_a, a_test), accuracy(model_b, b_test)
print(f"A's model at A {acc_a:.3f}, B's at B {acc_b:.3f}, A's at B {accuracy(model_a, b_test):.3f}")
print("RESULT mean_site_accuracy", round((acc_a + acc_b) / 2, 4))

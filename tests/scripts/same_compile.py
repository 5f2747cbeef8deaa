# ruff: noqa: B023
"""Scenarios: compiled code, with the number of graphs, breaks and recompilations."""

from __future__ import annotations

import torch
from scenarios import fit, main, mlp, scenario, table
from torch import nn
from torch._dynamo.utils import counters
from torch.nn import functional as F


def counted():
    stats = dict(counters["stats"])
    print("  ", {name: stats.get(name) for name in ("unique_graphs", "calls_captured")}, end=" ")
    print({reason.splitlines()[0]: number for reason, number in counters["graph_break"].items()}, end=" ")
    print(sum(counters["recompiles"].values()))
    counters.clear()
    torch._dynamo.reset()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = mlp()

    def forward(self, inputs):
        return self.layers(inputs) * 2


@scenario
def compiled_model():
    left = []
    for backend in ("eager", "aot_eager"):
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        compiled = torch.compile(model, backend=backend)
        left += [fit(compiled, optimizer, 8), model]
        compiled.eval()
        with torch.no_grad():
            left.append(F.mse_loss(compiled(table()[0]), table()[1]))
        counted()
    return left


@scenario
def compiled_in_place():
    model = Net()
    model.compile(backend="aot_eager")
    left = fit(model, torch.optim.SGD(model.parameters(), lr=0.1), 8)
    counted()
    return left, model


@scenario
def compiled_step():
    left = []
    for backend in ("eager", "aot_eager"):
        model = mlp()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        inputs, targets = table()

        def step():
            optimizer.zero_grad()
            loss = F.mse_loss(model(inputs), targets) + F.cross_entropy(model(inputs), torch.zeros(32).long())
            loss.backward()
            optimizer.step()
            return loss

        compiled = torch.compile(step, backend=backend)
        left += [[compiled() for _ in range(5)], model]
        counted()
    return left


@scenario
def compiled_loss():
    def loss(prediction, targets):
        return F.mse_loss(prediction, targets) + F.l1_loss(prediction, targets) + F.binary_cross_entropy_with_logits(
            prediction, targets
        )  # fmt: skip

    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    left = fit(model, optimizer, 5, torch.compile(loss, backend="aot_eager", fullgraph=True))
    counted()
    return left, model


@scenario
def compiled_optimizer():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = table()
    step = torch.compile(optimizer.step, backend="eager")
    for _ in range(4):
        optimizer.zero_grad()
        F.mse_loss(model(inputs), targets).backward()
        step()
    counted()
    return model


@scenario
def growing_shapes_and_breaks():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 1)

        def forward(self, inputs):
            hidden = torch.relu(self.first(inputs))
            torch._dynamo.graph_break()
            return self.second(hidden)

    model = Broken()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    compiled = torch.compile(model, backend="aot_eager")
    losses = []
    for size in (4, 5, 6, 7, 8, 9, 10, 11):
        inputs, targets = table(size)
        optimizer.zero_grad()
        loss = F.mse_loss(compiled(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    counted()
    return losses, model


@scenario
def compiled_checkpoint():
    model = mlp()

    def step(inputs):
        return torch.utils.checkpoint.checkpoint(model, inputs, use_reentrant=False)

    inputs, targets = table()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    compiled = torch.compile(step, backend="aot_eager")
    for _ in range(4):
        optimizer.zero_grad()
        F.mse_loss(compiled(inputs), targets).backward()
        optimizer.step()
    counted()
    return model


if __name__ == "__main__":
    main()

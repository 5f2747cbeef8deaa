"""Batch norm: every unit is brought to mean 0 and spread 1 over the batch, and then there are two networks in one.

A batch norm after each layer takes the size out of its outputs, whatever the weights are, so that a rate that was far
too high is merely high. In training it uses the mean and spread of the batch at hand; in evaluation, which
`model.eval()` asks for, the averages that it has kept up during training. So the same weights are two different
functions, and forgetting `model.eval()` or evaluating after few batches shows it. A batch of one has no spread at all.

Question: How many times as high a learning rate does the network bear with a norm in each layer? And does it take a
batch of one in training mode?

Answer: About ten times as high: without norms a rate of 0.3 works and 1 does not, with them 3 does. In training mode a
batch of one is refused by PyTorch, and of two the answer depends on which digit happens to be the other one.

Sources: Ioffe, Szegedy (2015); Santurkar, Tsipras, Ilyas, Madry (2018), How does batch normalization help
optimization?
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Band, Chart, Series
from headtorch.labs.kit import Claim, Frame, final, knob
from headtorch.labs.kit.data import digits

PLACE = 13
RULES = (
    "batchnorm-tiny-batch",
    "batchnorm-stats-stale",
    "train-mode-in-eval",
    "eval-mode-in-training",
    "bias-before-norm",
)
SAYS = {"batch=2&rate=0.1": "batchnorm-tiny-batch"}
RATES = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
USABLE = 0.7  # the accuracy that a rate must reach to count


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    batch: int = knob(64, "digits in a batch", 2, 256)
    rate: float = knob(0.1, "the learning rate of the training that is looked into", 1e-3, 30, log=True)
    steps: int = knob(60, "steps of training", 20, 300)
    seed: int = knob(0, "the weights and the order of the digits", 0, 99)


def network(norm: bool) -> nn.Sequential:
    """Three hidden layers, started as ReLU needs it (He)."""
    parts: list[nn.Module] = []
    for inputs in (64, 32, 32):
        linear = nn.Linear(inputs, 32)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        parts += [linear, *([nn.BatchNorm1d(32)] if norm else []), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(32, 10))


def trained(norm: bool, rate: float, knobs: Knobs) -> nn.Sequential:
    """A network after some steps of plain SGD."""
    torch.manual_seed(knobs.seed)
    x, y = digits()
    model = network(norm)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(knobs.steps):
        batch = torch.randint(len(x), (knobs.batch,))
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@torch.no_grad()
def accuracy(model: nn.Sequential) -> float:
    """On all digits, in the mode that the model is in."""
    x, y = digits()
    return float((model(x).argmax(dim=1) == y).float().mean())


def frames(knobs: Knobs) -> Iterator[Frame]:
    """The two modes of one training, then the accuracy by rate."""
    numbers: dict[str, float | str] = {}
    model = trained(True, knobs.rate, knobs)
    x, _ = digits()
    with torch.no_grad():
        beside = torch.stack([model(x[[0, other]])[0] for other in range(1, 40)])
        numbers["spread of the scores of a digit by what is beside it, training"] = float(beside.std(dim=0).mean())
        model.eval()
        beside = torch.stack([model(x[[0, other]])[0] for other in range(1, 40)])
        numbers["the same, evaluation"] = float(beside.std(dim=0).mean())
    numbers["accuracy in evaluation mode"] = accuracy(model)
    curves: dict[str, list[float]] = {"without": [], "with norms": []}
    for number, rate in enumerate(RATES, 1):
        for name, reached in curves.items():
            reached.append(accuracy(trained(name != "without", rate, knobs).train()))
        series = tuple(Series(name, RATES[:number], tuple(reached)) for name, reached in curves.items())
        axes = Axis("learning rate", log=True, low=RATES[0], high=RATES[-1]), Axis("accuracy", low=0, high=1)
        chart = Chart(f"after {knobs.steps} steps", *axes, series, (Band("a guess", 0.1, 0.1),))
        yield Frame((chart,), dict(numbers), number / len(RATES))
    for name, reached in curves.items():
        usable = [rate for rate, share in zip(RATES, reached, strict=True) if share >= USABLE]
        numbers[f"usable rates, {name}: highest"] = usable[-1] if usable else "none"
        numbers[f"usable rates, {name}: lowest"] = usable[0] if usable else "none"
    yield Frame((chart,), numbers)


def refuses_one(seed: int) -> float:
    """1.0 where PyTorch refuses a batch of one in training mode."""
    torch.manual_seed(seed)
    try:
        network(True)(torch.randn(1, 64))
    except ValueError:
        return 1.0
    return 0.0


CLAIMS = (
    Claim("With norms the highest usable rate is higher, by a factor of", "highest", at_least=3),
    Claim("With norms the range of usable rates is wider, by a factor of", "wider", at_least=3),
    Claim("In training mode the scores of a digit depend on its neighbour: spread", "training", at_least=0.1),
    Claim("In evaluation mode they do not: spread", "evaluation", at_most=1e-5),
    Claim("A batch of one is refused in training mode (1: yes)", "one", 1, 1),
    Claim(
        "After 3 batches the running averages lag: accuracy in training mode less that in evaluation",
        "lag",
        at_least=0.1,
    ),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """The usable rates, the two modes."""
    knobs = Knobs(steps=200 if full else 60, seed=seed)
    numbers = final(frames(knobs)).numbers
    found = {name.removeprefix("usable rates, "): float(value) for name, value in numbers.items()}
    young = trained(True, 1.0, Knobs(batch=256, steps=3, seed=seed))
    training = accuracy(young_copy(young).train())
    return {
        "highest": found["with norms: highest"] / found["without: highest"],
        "wider": (found["with norms: highest"] / found["with norms: lowest"])
        / (found["without: highest"] / found["without: lowest"]),
        "training": found["spread of the scores of a digit by what is beside it, training"],
        "evaluation": found["the same, evaluation"],
        "one": refuses_one(seed),
        "lag": training - accuracy(young.eval()),
    }


def young_copy(model: nn.Sequential) -> nn.Sequential:
    """A copy: to look at a norm in training mode already changes its averages."""
    copy = network(True)
    copy.load_state_dict(model.state_dict())
    return copy

"""A linear map and a non-linearity: what stacking layers gives, with and without something between them.

A dense layer multiplies its input by a matrix and adds a bias: each output is a weighted sum of the inputs, so with one
input it draws a straight line. Two such maps in a row are again one such map, with the product of the matrices: three
linear layers are one. A non-linearity between them lets a stack draw curves: ReLU is max(0, x), flat and then rising,
the sigmoid 1 / (1 + e^-x) a soft step from 0 to 1, tanh one from -1 to 1. Each unit adds one bend, and the next layer
adds the bends up.

Question: Three linear layers have many more parameters than one. What can they draw that one cannot? Turn `between` to
none, then to relu, and look at the curve.

Answer: Nothing. Their product is one matrix, and the curve stays a straight line whatever the width and the number of
steps; with any non-linearity between them the same layers follow the curve.

Sources: Goodfellow, Bengio, Courville (2016), Deep Learning, 6.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Chart, Series
from headtorch.labs.kit import Claim, Frame, final, knob

PLACE = 1
SHOWN = ("between=none", "between=relu")
RULES = ("linear-collapse", "capacity-too-small")
SAYS = {"between=none": "linear-collapse"}
BETWEEN = {"none": nn.Identity, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
SHAPES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "line": lambda x: 0.8 * x + 0.1,
    "curve": lambda x: torch.sin(3 * x),
}


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    between: str = knob("none", "what stands between the layers", choices=tuple(BETWEEN))
    shape: str = knob("curve", "what is to be drawn", choices=tuple(SHAPES))
    width: int = knob(16, "units in each hidden layer", 1, 64)
    steps: int = knob(400, "steps of training", 50, 1500)
    seed: int = knob(0, "where the weights start", 0, 99)


def frames(knobs: Knobs) -> Iterator[Frame]:
    """Train three layers, and show the curve that they draw."""
    torch.manual_seed(knobs.seed)
    x = torch.linspace(-1, 1, 64).unsqueeze(1)
    y = SHAPES[knobs.shape](x)
    first, second, third = nn.Linear(1, knobs.width), nn.Linear(knobs.width, knobs.width), nn.Linear(knobs.width, 1)
    between = BETWEEN[knobs.between]
    model = nn.Sequential(first, between(), second, between(), third)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)  # a way to choose how far, see the lab `descent`
    for step in range(1, knobs.steps + 1):
        loss = nn.functional.mse_loss(model(x), y)  # how wrong
        optimizer.zero_grad()  # forget the slopes of the last step
        loss.backward()  # the slope of the loss for each weight
        optimizer.step()  # move each weight a little downhill
        if step % 100 == 0 or step == knobs.steps:
            with torch.no_grad():
                drawn = model(x)
                weight = third.weight @ second.weight @ first.weight
                bias = third.weight @ (second.weight @ first.bias + second.bias) + third.bias
                one = x @ weight.T + bias
            at = tuple(x.flatten().tolist())
            chart = Chart(
                f"three layers with {knobs.between} between them, after {step} steps",
                Axis("x"),
                Axis("y"),
                (Series("wanted", at, tuple(y.flatten().tolist()), dots=True), _line("drawn", at, drawn)),
            )
            numbers = {
                "error": math.sqrt(float(((drawn - y) ** 2).mean())),
                "error of the best straight line": best_line(x, y),
                "distance to the one layer that is their product": float((drawn - one).abs().max()),
            }
            yield Frame((chart,), numbers, step / knobs.steps)


def _line(name: str, at: tuple[float, ...], values: torch.Tensor) -> Series:
    return Series(name, at, tuple(values.flatten().tolist()))


def best_line(x: torch.Tensor, y: torch.Tensor) -> float:
    """The error of least squares."""
    both = torch.cat([x, torch.ones_like(x)], dim=1)
    return math.sqrt(float(((both @ torch.linalg.lstsq(both, y).solution - y) ** 2).mean()))


CLAIMS = (
    Claim("Three linear layers equal one: they differ by rounding", "distance", at_most=1e-5),
    Claim("They draw a line: error", "line", at_most=0.01),
    Claim("They cannot draw a curve: their error, divided by that of the best straight line", "curve", 0.99, 1.1),
    Claim("With ReLU between them they can: error, divided by that of the best straight line", "relu", at_most=0.2),
    Claim("With tanh between them they can: error, divided by that of the best straight line", "tanh", at_most=0.2),
    Claim(
        "With a sigmoid between them they can: error, divided by that of the best straight line", "sigmoid", at_most=0.2
    ),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """The errors, by non-linearity."""
    steps = 1500 if full else 800
    linear = final(frames(Knobs("none", "curve", steps=steps, seed=seed))).numbers
    line = final(frames(Knobs("none", "line", steps=steps, seed=seed))).numbers
    line_error = float(linear["error of the best straight line"])
    found = {
        "distance": float(linear["distance to the one layer that is their product"]),
        "line": float(line["error"]),
        "curve": float(linear["error"]) / line_error,
    }
    for between in ("relu", "tanh", "sigmoid"):
        curved = final(frames(Knobs(between, "curve", steps=steps, seed=seed))).numbers
        found[between] = float(curved["error"]) / line_error
    return found

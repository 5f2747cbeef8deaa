"""Three dense layers and two sigmoids taken apart: each layer's Jacobian, and their product, which is the gradient.

Backpropagation is the chain rule, slopes of functions in a row multiply, read from the output to the input. Each layer
has a Jacobian, a table of slopes with a row for each output and a column for each input: how its outputs move when its
inputs do. For a dense layer that is its matrix, for a sigmoid the slope at each unit, and their product, one after the
other from behind, is the gradient of the output by the input; that of each weight is found on the way. Where a slope is
near zero the signal ends, for everything before it.

Question: The slope of a sigmoid is 1/4 at most. What becomes of the gradient that arrives at the input when the weights
are made larger (`scale`), so that the units sit where the sigmoid is flat?

Answer: At first larger weights pass more, then the slopes die faster than the weights grow: at 100 times the usual
weights 19 of 20 slopes are below 0.01, and less reaches the input than at 30 times. The product of the Jacobians is
what PyTorch itself works out (autograd), to the last bit of rounding.

Sources: Rumelhart, Hinton, Williams (1986), Learning representations by back-propagating errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Chart, Histogram, Series, Table
from headtorch.labs.kit import Claim, Frame, knob
from headtorch.labs.kit.data import iris

PLACE = 9
RULES = ("saturated-activations", "vanishing-gradients", "graph-detached", "init-too-large")
SCALES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    scale: float = knob(1.0, "size of the weights, by the usual one (Glorot)", 0.1, 100, log=True)
    flower: int = knob(0, "which flower is looked at", 0, 149)
    seed: int = knob(0, "the weights", 0, 99)


def frames(knobs: Knobs) -> Iterator[Frame]:
    """The Jacobians for one flower; then the slopes of all; then both by the size of the weights."""
    layers = network(knobs.scale, knobs.seed)
    jacobians = apart(layers, iris()[0][knobs.flower])
    table = Table(
        "the Jacobians of each layer, from the last to the first",
        ("layer", "outputs x inputs", "norm", "norm of the product so far"),
        tuple(_rows(jacobians)),
    )
    numbers: dict[str, float | str] = {"difference to autograd": difference(layers, iris()[0][knobs.flower])}
    yield Frame((table,), numbers, 0.3)
    slopes = slopes_of(layers, iris()[0])
    counts = torch.histc(slopes, bins=10, min=0, max=0.25).tolist()
    histogram = Histogram(
        "slopes of all sigmoids, all flowers", "slope", tuple(n / 40 for n in range(11)), tuple(counts)
    )
    numbers["slopes below 0.01, share"] = float((slopes < 0.01).float().mean())
    yield Frame((table, histogram), numbers, 0.6)
    sent = [arriving(network(scale, knobs.seed), iris()[0]) for scale in SCALES]
    dead = [float((slopes_of(network(scale, knobs.seed), iris()[0]) < 0.01).float().mean()) for scale in SCALES]
    numbers["sent back to the input, median flower"] = arriving(layers, iris()[0])
    weights = Axis("weights, divided by the usual ones", log=True)
    charts = (
        Chart(
            "gradient at the input, median flower",
            weights,
            Axis("gradient", log=True),
            (Series("", SCALES, tuple(sent)),),
        ),
        Chart("slopes below 0.01", weights, Axis("share", low=0, high=1), (Series("", SCALES, tuple(dead)),)),
    )
    yield Frame((table, histogram, *charts), numbers)


def network(scale: float, seed: int) -> list[nn.Module]:
    """Three dense layers with sigmoids between them."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = [nn.Linear(4, 16), nn.Sigmoid(), nn.Linear(16, 16), nn.Sigmoid(), nn.Linear(16, 1)]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_normal_(layer.weight, gain=scale)
            nn.init.zeros_(layer.bias)
    return layers


@torch.no_grad()
def apart(layers: list[nn.Module], x: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
    """The name and the Jacobian of each layer for one input, the last layer first."""
    found = []
    for number, layer in enumerate(layers):
        y = layer(x)
        jacobian = layer.weight.detach() if isinstance(layer, nn.Linear) else torch.diag(y * (1 - y))
        found.append((f"{number} {type(layer).__name__}", jacobian))
        x = y
    return found[::-1]


def product(jacobians: list[tuple[str, torch.Tensor]]) -> torch.Tensor:
    """The chain rule."""
    result = jacobians[0][1]
    for _, jacobian in jacobians[1:]:
        result = result @ jacobian
    return result


def difference(layers: list[nn.Module], x: torch.Tensor) -> float:
    """The largest difference between the product and autograd's gradient, by the largest entry."""
    x = x.clone().requires_grad_()
    (theirs,) = torch.autograd.grad(nn.Sequential(*layers)(x).sum(), x)
    return float((product(apart(layers, x)) - theirs).abs().max() / theirs.abs().max().clamp(min=1e-30))


@torch.no_grad()
def slopes_of(layers: list[nn.Module], x: torch.Tensor) -> torch.Tensor:
    """The slope of each sigmoid for each example."""
    slopes = []
    for layer in layers:
        x = layer(x)
        if isinstance(layer, nn.Sigmoid):
            slopes.append((x * (1 - x)).flatten())
    return torch.cat(slopes)


def arriving(layers: list[nn.Module], x: torch.Tensor) -> float:
    """The size of the gradient at the input, of the example in the middle."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(nn.Sequential(*layers)(x).sum(), x)
    return float(gradient.norm(dim=1).median())


def _rows(jacobians: list[tuple[str, torch.Tensor]]) -> Iterator[tuple[str, ...]]:
    for number, (name, jacobian) in enumerate(jacobians, 1):
        size = " x ".join(map(str, jacobian.shape))
        yield name, size, f"{float(jacobian.norm()):.3g}", f"{float(product(jacobians[:number]).norm()):.3g}"


CLAIMS = (
    Claim(
        "The product of the Jacobians is the gradient: difference, divided by the largest entry",
        "difference",
        at_most=1e-5,
    ),
    Claim("The largest slope of a sigmoid", "largest slope", 0.2, 0.25),
    Claim("At 100 times the usual weights, share of slopes below 0.01", "dead", at_least=0.5),
    Claim("At the usual weights, share of slopes below 0.01", "alive", at_most=0.01),
    Claim("Gradient at the input at 100 times the weights, divided by that at 30 times", "sent", at_most=0.3),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """The equality for some flowers, and the slopes by scale."""
    flowers = iris()[0]
    return {
        "difference": max(difference(network(1.0, seed), flower) for flower in flowers[:: 1 if full else 15]),
        "largest slope": float(slopes_of(network(1.0, seed), flowers).max()),
        "dead": float((slopes_of(network(100.0, seed), flowers) < 0.01).float().mean()),
        "alive": float((slopes_of(network(1.0, seed), flowers) < 0.01).float().mean()),
        "sent": arriving(network(100.0, seed), flowers) / arriving(network(30.0, seed), flowers),
    }

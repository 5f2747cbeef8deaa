"""How much of the gradient reaches the first layer, by depth, non-linearity and the scale of the weights.

On its way back the gradient is multiplied at each layer by the weights and by the slope of the non-linearity. The slope
of a sigmoid is 1/4 at most, so each of its layers takes at least three quarters where the weights do not make up for
it. Tanh can pass most of the gradient and ReLU the whole if the weights have the right scale. If they are larger, it
explodes: the same product, with a factor above 1.

Question: Eight layers of sigmoids, with weights that by themselves would keep the size of what passes (`scale` 1). What
share of the last layer's gradient reaches the first: a tenth, a thousandth, or less?

Answer: Less: about one part in 26,000. From the eighth layer to the first it is seven steps, and each passes on a
little less than a quarter. ReLU with He's spread, √(2 / n), keeps about the whole at any depth, and at twice that it
gains a factor of two a layer: ten layers make a thousand.

Sources: Bengio, Simard, Frasconi (1994); Glorot, Bengio (2010).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Band, Chart, Series
from headtorch.labs.kit import Claim, Frame, final, knob
from headtorch.labs.kit.data import digits

PLACE = 11
RULES = ("vanishing-gradients", "exploding-gradients", "init-too-small", "init-too-large", "no-skip-too-deep")
SHOWN = ("between=sigmoid", "between=relu")
SAYS = {"between=sigmoid&depth=6": "vanishing-gradients", "between=relu&depth=10&scale=3": "init-too-large"}
DEPTHS = (1, 2, 4, 6, 8, 12, 16, 24, 32)
WIDTH = 64
# ReLU halves the signal, which He's factor makes up for; tanh and sigmoid have what Glorot gives.
GAINS = {"relu": math.sqrt(2), "tanh": 1.0, "sigmoid": 1.0}
SLOPES = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    between: str = knob("sigmoid", "what is trained", choices=tuple(SLOPES))
    depth: int = knob(6, "hidden layers of what is trained", 1, 32)
    scale: float = knob(1.0, "the weights, by what keeps the signal", 0.1, 5, log=True)
    steps: int = knob(60, "steps of training", 1, 300)
    seed: int = knob(0, "the weights", 0, 99)


def network(between: str, depth: int, scale: float) -> nn.Sequential:
    """`depth` hidden layers and a linear output."""
    parts: list[nn.Module] = []
    for _ in range(depth):
        linear = nn.Linear(WIDTH, WIDTH)
        nn.init.normal_(linear.weight, std=scale * GAINS[between] / math.sqrt(WIDTH))
        nn.init.zeros_(linear.bias)
        parts += [linear, SLOPES[between]()]
    return nn.Sequential(*parts, nn.Linear(WIDTH, 10))


def frames(knobs: Knobs) -> Iterator[Frame]:
    """The gradient of the first layer by depth for each non-linearity; then a training of the chosen network."""
    curves, numbers = [], {}
    for number, between in enumerate(SLOPES, 1):
        shares = [share(between, depth, knobs.scale, knobs.seed) for depth in DEPTHS]
        curves.append(Series(between, DEPTHS, tuple(shares)))
        numbers[f"first layer divided by last, {between}, 8 layers"] = shares[DEPTHS.index(8)]
        axes = Axis("hidden layers"), Axis("gradient of the first layer divided by the last", log=True)
        chart = Chart("what reaches the first layer", *axes, tuple(curves))
        yield Frame((chart,), dict(numbers), number / 6)
    torch.manual_seed(knobs.seed)
    model = network(knobs.between, knobs.depth, knobs.scale)
    x, y = standardised()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses: list[float] = []
    for step in range(1, knobs.steps + 1):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 20 == 0 or step == knobs.steps:
            curve = Series(f"{knobs.depth} layers of {knobs.between}", tuple(range(1, step + 1)), tuple(losses))
            with torch.no_grad():
                numbers["accuracy"] = float((model(x).argmax(dim=1) == y).float().mean())
            yield Frame(
                (chart, Chart("loss", Axis("step"), Axis("loss"), (curve,), (Band("a guess", 2.303, 2.303),))),
                dict(numbers),
                step / knobs.steps,
            )


def standardised() -> tuple[torch.Tensor, torch.Tensor]:
    """Every fourth digit, with a mean of 0 and a spread of 1."""
    x, y = digits()
    return ((x - x.mean()) / x.std())[::4], y[::4]


def share(between: str, depth: int, scale: float, seed: int) -> float:
    """The gradient at the output of the first hidden layer by that at the last one's: the size of their product."""
    torch.manual_seed(seed)
    x, y = standardised()
    outputs, x = [], x[:100]
    for layer in network(between, depth, scale):
        x = layer(x)
        if isinstance(layer, SLOPES[between]):
            outputs.append(x)
    gradients = torch.autograd.grad(nn.functional.cross_entropy(x, y[:100]), outputs)
    return float(gradients[0].norm() / gradients[-1].norm())


CLAIMS = (
    Claim("8 layers of sigmoids leave for the first layer", "sigmoid", at_most=1e-3),
    Claim("Each further layer of sigmoids passes on", "sigmoid a layer", at_most=0.3),
    Claim("32 layers of ReLU at He's scale leave", "relu", 0.05, 20),
    Claim("32 layers of tanh at scale 1 leave", "tanh", 0.02, 50),
    Claim("At twice He's scale each further layer of ReLU multiplies by", "relu a layer", 1.6, 2.4),
    Claim("A network of 6 layers of sigmoids learns in its first steps: accuracy", "sigmoid accuracy", at_most=0.3),
    Claim("One of 6 layers of ReLU: accuracy", "relu accuracy", at_least=0.9),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """Shares of the gradient, and two trainings."""
    steps = 240 if full else 120
    slow = final(frames(Knobs("sigmoid", 6, steps=steps, seed=seed))).numbers
    fast = final(frames(Knobs("relu", 6, steps=steps, seed=seed))).numbers
    return {
        "sigmoid": share("sigmoid", 8, 1.0, seed),
        "sigmoid a layer": (share("sigmoid", 12, 1.0, seed) / share("sigmoid", 4, 1.0, seed)) ** (1 / 8),
        "relu": share("relu", 32, 1.0, seed),
        "tanh": share("tanh", 32, 1.0, seed),
        "relu a layer": (share("relu", 24, 2.0, seed) / share("relu", 4, 2.0, seed)) ** (1 / 20),
        "sigmoid accuracy": float(slow["accuracy"]),
        "relu accuracy": float(fast["accuracy"]),
    }

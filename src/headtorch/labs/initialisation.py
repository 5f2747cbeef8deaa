"""How large the first weights are decides whether a signal gets through: zero, too small, too large, Glorot, He.

Each layer multiplies the size of the signal by about the same factor. Below 1 nothing is left after ten layers, above 1
the signal grows or sits where the curve is flat (it saturates), and the same holds for the gradient on its way back. Of
n inputs, random weights of spread 1 / √n keep the size where the slope is near 1 (Glorot, for tanh); ReLU halves the
signal, so it needs √(2 / n) (He; both are named after their authors). Equal weights are worse: all units of a layer
then compute the same and learn the same, for ever.

Question: Ten layers, all weights zero, biases too (`start` zero). Which gradients are not zero? And after more steps?

Answer: Those of the ten biases of the last layer alone, of 42,000 numbers, and it stays so: with ReLU or tanh
everything else is multiplied by a zero. The network learns how frequent each digit is and nothing more. (A logarithmic
axis has no 0: the line of `zero` is not in the picture.)

Sources: Glorot, Bengio (2010); He, Zhang, Ren, Sun (2015).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Chart, Series
from headtorch.labs.kit import Claim, Frame, final, knob
from headtorch.labs.kit.data import digits

PLACE = 10
RULES = ("init-too-small", "init-too-large", "zero-or-constant-init", "loss-at-init", "dead-relu")
SHOWN = ("start=zero", "start=he")
SAYS = {"start=small": "init-too-small", "start=large": "init-too-large", "start=zero": "zero-or-constant-init"}
DEPTH, WIDTH = 10, 64
# The variance of the weights times their number of inputs.
STARTS = {"zero": 0.0, "small": 0.05, "glorot": 1.0, "he": 2.0, "large": 40.0}
SLOPES = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    start: str = knob("small", "how the weights start", choices=tuple(STARTS))
    between: str = knob("relu", "what stands between the layers", choices=tuple(SLOPES))
    steps: int = knob(60, "steps of training afterwards", 1, 300)
    seed: int = knob(0, "the weights", 0, 99)


def network(start: str, between: str) -> nn.Sequential:
    """Ten hidden layers and a linear output."""
    parts: list[nn.Module] = []
    for _ in range(DEPTH):
        linear = nn.Linear(WIDTH, WIDTH)
        nn.init.normal_(linear.weight, std=math.sqrt(STARTS[start] / WIDTH))
        nn.init.zeros_(linear.bias)
        parts += [linear, SLOPES[between]()]
    output = nn.Linear(WIDTH, 10)
    nn.init.normal_(output.weight, std=math.sqrt(STARTS[start] / WIDTH))
    nn.init.zeros_(output.bias)
    return nn.Sequential(*parts, output)


def frames(knobs: Knobs) -> Iterator[Frame]:
    """Signal and gradient by depth for each start; then a short training from the chosen one."""
    at = tuple(range(1, DEPTH + 1))
    told = {start: passed(start, knobs) for start in STARTS}
    signals = tuple(Series(start, at, tuple(signal)) for start, (signal, _) in told.items())
    gradients = tuple(Series(start, at, tuple(gradient)) for start, (_, gradient) in told.items())
    charts = (
        Chart(f"signal by depth, {knobs.between}", Axis("layer"), Axis("spread of the outputs", log=True), signals),
        Chart(
            f"gradient by depth, {knobs.between}", Axis("layer"), Axis("gradient of the outputs", log=True), gradients
        ),
    )
    signal, gradient = told[knobs.start]
    numbers: dict[str, float | str] = {
        "signal, last layer divided by first": signal[-1] / signal[0] if signal[0] else math.nan,
        "gradient, first layer divided by last": gradient[0] / gradient[-1] if gradient[-1] else math.nan,
    }
    yield Frame(charts, numbers, 0.1)
    torch.manual_seed(knobs.seed)
    model = network(knobs.start, knobs.between)
    x, y = standardised()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses: list[float] = []
    for step in range(1, knobs.steps + 1):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step == 1:
            numbers["weights with a gradient of 0, share"] = zeros(model)
        if step % 20 == 0 or step == knobs.steps:
            with torch.no_grad():
                numbers["accuracy"] = float((model(x).argmax(dim=1) == y).float().mean())
            curve = Series(knobs.start, tuple(range(1, step + 1)), tuple(losses))
            yield Frame((*charts, Chart("loss", Axis("step"), Axis("loss"), (curve,))), numbers, step / knobs.steps)


def standardised() -> tuple[torch.Tensor, torch.Tensor]:
    """Every fourth digit, with a mean of 0 and a spread of 1."""
    x, y = digits()
    return ((x - x.mean()) / x.std())[::4], y[::4]


def passed(start: str, knobs: Knobs) -> tuple[list[float], list[float]]:
    """The spread of the outputs of each hidden layer, and the size of the gradient that arrives there."""
    torch.manual_seed(knobs.seed)
    x, y = standardised()
    outputs = []
    for layer in network(start, knobs.between):
        x = layer(x)
        if isinstance(layer, SLOPES[knobs.between]):
            outputs.append(x)
    loss = nn.functional.cross_entropy(x, y)
    gradients = torch.autograd.grad(loss, outputs)
    return [float(each.detach().std()) for each in outputs], [float(each.norm()) for each in gradients]


def zeros(model: nn.Module) -> float:
    """The share of the weights and biases that have no gradient at all."""
    gradients = torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None])
    return float((gradients == 0).float().mean())


CLAIMS = (
    Claim("Glorot with tanh: the signal of layer 10, divided by that of layer 1", "tanh glorot", 0.3, 1.0),
    Claim("He with ReLU: the signal of layer 10, divided by that of layer 1", "relu he", 0.3, 3.0),
    Claim("Glorot with ReLU: the same, which He mends", "relu glorot", at_most=0.15),
    Claim("Too small, ReLU: the signal", "small", at_most=1e-5),
    Claim("Too large, ReLU: the signal", "large", at_least=1e4),
    Claim("Too large, tanh: the gradient of layer 1, divided by that of layer 10", "tanh large", at_least=10),
    Claim("Glorot with sigmoid: the gradient of layer 1, divided by that of layer 10", "sigmoid glorot", at_most=1e-3),
    Claim("All zero: share of the parameters that get no gradient", "zero", at_least=0.99),
    Claim("He with ReLU learns: accuracy", "he accuracy", at_least=0.8),
    Claim("All zero does not: accuracy", "zero accuracy", at_most=0.15),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """Signals and gradients by start and non-linearity."""

    def signal(start: str, between: str) -> float:
        forward, _ = passed(start, Knobs(start, between, seed=seed))
        return forward[-1] / forward[0]

    def gradient(start: str, between: str) -> float:
        _, backward = passed(start, Knobs(start, between, seed=seed))
        return backward[0] / backward[-1]

    steps = 200 if full else 60
    he = final(frames(Knobs("he", "relu", steps, seed))).numbers
    zero = final(frames(Knobs("zero", "relu", steps, seed))).numbers
    return {
        "tanh glorot": signal("glorot", "tanh"),
        "relu he": signal("he", "relu"),
        "relu glorot": signal("glorot", "relu"),
        "small": signal("small", "relu"),
        "large": signal("large", "relu"),
        "tanh large": gradient("large", "tanh"),
        "sigmoid glorot": gradient("glorot", "sigmoid"),
        "zero": float(zero["weights with a gradient of 0, share"]),
        "he accuracy": float(he["accuracy"]),
        "zero accuracy": float(zero["accuracy"]),
    }

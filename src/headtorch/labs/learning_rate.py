"""The size of the step: too low, too high and right, and why a curve without its axis tells nothing.

Gradient descent walks downhill, and its stride is the learning rate times the slope. Too short a stride arrives nowhere
in the time there is; too long a stride jumps over the valley and may climb with each step. Where the slope grows by h
with each unit walked, a learning rate above 2 / h overshoots further each time; h is unknown and differs by powers of
ten, so one tries factors of ten. A falling curve alone says nothing: look at how far it falls.

Question: With `axis` hidden, compare `rate` 1e-8, 1e-3 and 0.1: all three curves fall from top to bottom. Which
training works?

Answer: 0.1 does. 1e-3 is on its way, and would need many more epochs. At 1e-8 the loss falls by less than a
ten-thousandth of itself: a plot without numbers stretches that to full height. At 2 with momentum (lab 8) the loss
leaps about; show the axis, or all rates on one axis, and they are told apart at a glance.

Sources: LeCun, Bottou, Orr, Müller (1998), Efficient BackProp; Bengio (2012), Practical recommendations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Band, Chart, Series
from headtorch.labs.kit import Claim, Frame, final, knob
from headtorch.labs.kit.data import iris

PLACE = 7
RULES = ("lr-too-low", "lr-too-high", "lr-schedule-kills", "momentum-too-high")
SHOWN = ("rates=all&axis=hidden", "rates=all")
SAYS = {"rate=2": "lr-too-high", "rate=1e-6": "lr-too-low"}
RATES = (1e-8, 1e-3, 1e-2, 0.1, 2.0)


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    rate: float = knob(0.1, "the learning rate", 1e-8, 10, log=True)
    rates: str = knob("one", "this rate alone, or all on one axis", choices=("one", "all"))
    axis: str = knob("shown", "whether the loss has its axis", choices=("shown", "hidden"))
    epochs: int = knob(30, "epochs of training", 5, 60)
    seed: int = knob(0, "where the weights start, and the order of the flowers", 0, 99)


def frames(knobs: Knobs) -> Iterator[Frame]:
    """Train on the iris flowers, and show the loss after each epoch."""
    rates = RATES if knobs.rates == "all" else (knobs.rate,)
    curves: dict[float, list[float]] = {}
    numbers: dict[str, float | str] = {}
    for number, rate in enumerate(rates, 1):
        for epoch, (losses, accuracy) in enumerate(trained(rate, knobs), 1):
            curves[rate] = losses
            numbers[f"last loss at {rate:g}"] = losses[-1]
            numbers[f"accuracy at {rate:g}"] = accuracy
            if epoch % 10 == 0 or epoch == knobs.epochs:
                done = (number - 1 + epoch / knobs.epochs) / len(rates)
                yield Frame((chart(curves, knobs),), dict(numbers), done)


def trained(rate: float, knobs: Knobs) -> Iterator[tuple[list[float], float]]:
    """The losses so far and the accuracy, after each epoch."""
    torch.manual_seed(knobs.seed)
    x, y = iris()
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    losses = []
    for _ in range(knobs.epochs):
        for batch in torch.randperm(len(x)).split(15):
            loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            output = model(x)
        losses.append(float(nn.functional.cross_entropy(output, y)))
        yield losses, float((output.argmax(dim=1) == y).float().mean())


def chart(curves: dict[float, list[float]], knobs: Knobs) -> Chart:
    """The loss by epoch; without its axis each curve is stretched to the full height."""
    hidden = knobs.axis == "hidden"
    series = []
    for rate, losses in curves.items():
        low, high = min(losses), max(losses)
        heights = [(loss - low) / ((high - low) or 1) for loss in losses] if hidden else losses
        series.append(Series(f"rate {rate:g}", tuple(range(1, len(losses) + 1)), tuple(map(float, heights))))
    axis = Axis("loss, from its lowest to its highest") if hidden else Axis("loss", log=knobs.rates == "all")
    chance = () if hidden else (Band("a guess", math.log(3), math.log(3)),)
    return Chart("loss on the iris flowers", Axis("epoch", low=1, high=knobs.epochs), axis, tuple(series), chance)


CLAIMS = (
    Claim("At 1e-8 the loss falls by less than a thousandth of itself", "lowest fall", at_most=1e-3),
    Claim("At 0.1 the flowers are told apart: accuracy", "right accuracy", at_least=0.93),
    Claim("At 1e-3 they are so far told apart less well: accuracy", "half way", 0.5, 0.95),
    Claim("At 2 the loss is further from 0 than at 0.1: by a factor of", "too high by right", at_least=3),
    Claim("Without its axis the curve of 1e-8 falls by this share of the height", "hidden fall", at_least=0.9),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """The losses and accuracies, by rate."""
    epochs = 60 if full else 20
    told = {rate: final(frames(Knobs(rate, epochs=epochs, seed=seed))) for rate in (1e-8, 1e-3, 0.1, 2.0)}
    numbers = {name: float(value) for frame in told.values() for name, value in frame.numbers.items()}
    seen = final(frames(Knobs(1e-8, axis="shown", epochs=epochs, seed=seed))).figures[0]
    hidden = final(frames(Knobs(1e-8, axis="hidden", epochs=epochs, seed=seed))).figures[0]
    assert isinstance(seen, Chart) and isinstance(hidden, Chart)
    losses, heights = seen.series[0].y, hidden.series[0].y
    return {
        "lowest fall": (losses[0] - losses[-1]) / losses[0],
        "right accuracy": numbers["accuracy at 0.1"],
        "half way": numbers["accuracy at 0.001"],
        "too high by right": numbers["last loss at 2"] / numbers["last loss at 0.1"],
        "hidden fall": heights[0] - heights[-1],
    }

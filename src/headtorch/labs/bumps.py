"""Two sigmoids subtracted are a bump, and bumps side by side draw any curve: build it by hand, then learn it.

A sigmoid is a soft step from 0 to 1. One step up minus one step further to the right is a bump, as wide as the distance
between the two and as high as the number they are multiplied by. A layer of 2n sigmoids therefore draws n bumps, and
with enough of them any curve, which is why one hidden layer is called universal. Learning puts the steps where the
curve needs them, so it comes as close with fewer units.

Question: The coffee of a day has four peaks. To miss it by about 0.2 litres, how many sigmoids does one need by hand,
with bumps evenly spaced, and how many when they are learned?

Answer: By hand 8 miss by about 1.8 litres, 16 by 1.2, 32 by 0.4 and 64 by 0.2: once the bumps are narrower than the
peaks, each doubling at least halves the error. Sixteen that are learned for long enough come as close as 32 to 64 by
hand, for learning puts the steps where the peaks are.

Sources: Cybenko (1989), Approximation by superpositions of a sigmoidal function; Nielsen (2015), Neural Networks and
Deep Learning, chapter 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Chart, Series
from headtorch.labs.kit import Claim, Frame, final, knob
from headtorch.labs.kit.data import coffee

PLACE = 3
SHOWN = ("units=2", "steps=3000")
RULES = ("capacity-too-small",)
WIDTHS = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    units: int = knob(16, "sigmoids in the hidden layer, two for each bump", 2, 64)
    steepness: float = knob(1.0, "how steep the steps built by hand are, for their distance", 0.1, 20, log=True)
    steps: int = knob(600, "steps of learning", 50, 3000)
    seed: int = knob(0, "where the weights start", 0, 99)


def frames(knobs: Knobs) -> Iterator[Frame]:
    """Bumps by hand at once, then those that are learned."""
    hours, litres = coffee()
    at = tuple(hours.flatten().tolist())
    built = by_hand(knobs.units // 2, knobs.steepness)
    curves = [
        Series("needed", at, tuple(litres.flatten().tolist()), dots=True),
        Series("by hand", at, tuple(built.flatten().tolist())),
    ]
    numbers: dict[str, float | str] = {"error by hand, litres": error(built)}
    axes = Axis("hour of the day", low=6, high=20), Axis("litres of coffee")
    yield Frame((Chart(f"{knobs.units} sigmoids", *axes, tuple(curves)), widths(knobs.steepness)), numbers, 0.0)
    for step, drawn in learned(knobs):
        learnt = Series("learned", at, tuple(drawn.flatten().tolist()))
        numbers = {**numbers, "error learned, litres": error(drawn)}
        chart = Chart(f"{knobs.units} sigmoids", *axes, (*curves, learnt))
        yield Frame((chart, widths(knobs.steepness)), numbers, step / knobs.steps)


def by_hand(bumps: int, steepness: float) -> torch.Tensor:
    """Bumps side by side, each as high as the curve at its middle. No step of learning."""
    hours, litres = coffee()
    edges = torch.linspace(6, 20, bumps + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    heights = torch.stack([litres[(hours - middle).abs().argmin()] for middle in middles]).flatten()
    sharp = 8 * steepness / (edges[1] - edges[0])
    return (torch.sigmoid(sharp * (hours - edges[:-1])) - torch.sigmoid(sharp * (hours - edges[1:]))) @ heights[:, None]


def learned(knobs: Knobs) -> Iterator[tuple[int, torch.Tensor]]:
    """What one hidden layer of sigmoids draws, as it learns: its steps begin evenly spaced."""
    torch.manual_seed(knobs.seed)
    hours, litres = coffee()
    x = (hours - 13) / 7
    hidden, output = nn.Linear(1, knobs.units), nn.Linear(knobs.units, 1)
    with torch.no_grad():
        hidden.weight.fill_(2.0 * knobs.units)
        hidden.bias.copy_(-2.0 * knobs.units * (torch.linspace(-1, 1, knobs.units) + 0.05 * torch.randn(knobs.units)))
    model = nn.Sequential(hidden, nn.Sigmoid(), output)
    # The positions are large numbers here, the heights small ones: Adam's step is of one size, so two rates.
    places = {"params": hidden.parameters(), "lr": 0.02 * knobs.units}
    optimizer = torch.optim.Adam([places, {"params": output.parameters(), "lr": 0.1}])
    for step in range(1, knobs.steps + 1):
        loss = nn.functional.mse_loss(model(x), litres)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 150 == 0 or step == knobs.steps:
            with torch.no_grad():
                yield step, model(x)


def error(drawn: torch.Tensor) -> float:
    """How far a curve is from the litres needed, root of the mean square."""
    return float((drawn - coffee()[1]).square().mean().sqrt())


def widths(steepness: float) -> Chart:
    """The error by hand for each width."""
    errors = tuple(error(by_hand(units // 2, steepness)) for units in WIDTHS)
    axes = Axis("sigmoids", log=True), Axis("error in litres", log=True)
    return Chart("error by width, built by hand", *axes, (Series("by hand", WIDTHS, errors),))


CLAIMS = (
    Claim("By hand, 64 sigmoids miss by a share of what 8 miss", "hand 64 by 8", at_most=0.2),
    Claim("By hand, 64 sigmoids miss by, in litres", "hand 64", at_most=0.25),
    Claim("16 that are learned miss by a share of what 16 by hand miss", "learned by hand at 16", at_most=0.6),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """Errors by hand and learned."""
    hand = {units: error(by_hand(units // 2, 1.0)) for units in WIDTHS}
    learnt = final(frames(Knobs(16, steps=3000 if full else 600, seed=seed))).numbers["error learned, litres"]
    return {
        "hand 64 by 8": hand[64] / hand[8],
        "hand 64": hand[64],
        "learned by hand at 16": float(learnt) / hand[16],
    }

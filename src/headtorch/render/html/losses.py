"""The loss of a run as charts: in training and on held-out data, with chance, findings, and the learning rate."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headtorch.figures import Axis, Band, Chart, Marker, Series
from headtorch.model import Finding
from headtorch.render.html.thinning import thinned, within
from headtorch.signals import Fit, Signals
from headtorch.store.run import Series as Recorded

POINTS = 360
MOST_FITS = 5
MOST_MARKERS = 4
BATCHES = 4  # of which the mean is drawn, in a curve of more than twice as many points as FEW
FEW = 70
NOTHING = 0.05  # of the way from chance to 0: within it, nothing has been learned
WIDE = 50.0  # largest over smallest loss: a linear axis then shows little of the small ones
Window = tuple[float, float]


class Losses(NamedTuple):
    """The loss of a run over one axis, linear and logarithmic (None where it is not above 0), and the rates beneath.

    `prefers_log` says which of the two shows more. `untold` is how many more losses the script minimised.
    """

    linear: Chart
    logarithmic: Chart | None
    rates: Chart | None
    prefers_log: bool
    untold: int


def losses(
    signals: Signals, findings: Sequence[Finding], points: int = POINTS, window: Window | None = None
) -> Losses | None:
    """The charts of a run; None when nothing was minimised in it."""
    fits = sorted(sorted(signals.fits, key=lambda fit: -fit.steps)[:MOST_FITS], key=lambda fit: fit.objective.id)
    if not fits:
        return None
    series = curves(fits, points, window)
    speed, untold = rates(fits, signals.run.steps, window), len(signals.fits) - len(fits)
    return charts("Loss", series, bands(signals), markers(findings, fits), speed, untold)


def charts(
    title: str,
    series: Sequence[Series],
    levels: tuple[Band, ...],
    marks: tuple[Marker, ...],
    speed: Chart | None,
    untold: int = 0,
) -> Losses:
    """The charts of given curves."""
    values = [value for curve in series for value in curve.y if math.isfinite(value)]
    linear = Chart(title, Axis("step"), Axis("loss"), tuple(series), levels, marks)
    positive = bool(values) and min(values) > 0
    log = Chart(title, Axis("step"), Axis("loss", log=True), tuple(series), levels, marks) if positive else None
    return Losses(linear, log, speed, positive and max(values) / min(values) > WIDE, untold)


def curves(
    fits: Sequence[Fit], points: int, window: Window | None = None, prefix: str = "", colour: int | None = None
) -> list[Series]:
    """The loss of each fit in training, and dashed on held-out data."""
    found: list[Series] = []
    for number, fit in enumerate(fits):
        at = fit.objective.backward_at
        name = "training" if len(fits) == 1 else f"loss at line {at.line}" if at is not None else f"loss {number + 1}"
        place = number if colour is None else colour
        recorded = fit.series("loss")
        found.append(_coloured(recorded, prefix + name, points, window, place, dashed=False))
        held_out = fit.held_out
        if held_out is not None:
            name = "held-out" if len(fits) == 1 else f"{name}, held-out"
            shade = place if colour is not None else number + len(fits)
            found.append(_coloured(held_out, prefix + name, points, window, shade, dashed=colour is not None))
    return found


def _coloured(
    recorded: Recorded, name: str, points: int, window: Window | None, colour: int, *, dashed: bool
) -> Series:
    steps, values = within(recorded.steps, recorded.column(), window)
    # The loss of a single batch jumps about: means show where it goes, and their shade how far it jumps.
    points = min(points, max(len(steps) // BATCHES, FEW)) if len(steps) > 2 * FEW else 2 * FEW
    thin = thinned(name, steps, values, points)
    return Series(thin.name, thin.x, thin.y, False, thin.low, thin.high, colour, dashed)


def bands(signals: Signals) -> tuple[Band, ...]:
    """The level of chance: the loss of a constant answer, and what is no more than nothing learned."""
    levels = {round(fit.chance, 6) for fit in signals.fits if fit.chance is not None and math.isfinite(fit.chance)}
    if len(levels) != 1:
        return ()
    (chance,) = levels
    return (Band(f"chance {chance:.3g}", chance * (1 - NOTHING), chance),) if chance > 0 else ()


def markers(findings: Iterable[Finding], fits: Sequence[Fit]) -> tuple[Marker, ...]:
    """Where the first causes begin, and where a loss became NaN; those at one step are one marker."""
    at: dict[float, list[str]] = {}
    for fit in fits:
        if fit.diverged_at is not None:
            at.setdefault(fit.diverged_at, []).append("NaN")
    for finding in findings:
        begin = begins(finding)
        if finding.role == "cause" and finding.severity != "note" and begin is not None:
            at.setdefault(begin, []).append(finding.rule)
    first = sorted(at.items())[:MOST_MARKERS]
    return tuple(Marker(names[0] + (f" +{len(names) - 1}" if names[1:] else ""), step) for step, names in first)


def begins(finding: Finding) -> float | None:
    """The first step that the evidence of a finding names."""
    for evidence in finding.saw:
        if evidence.steps and (number := re.match(r"(?:steps? )?(\d[\d,]*)", evidence.steps)):
            return float(number[1].replace(",", ""))
        if evidence.steps and evidence.steps.startswith("the first"):
            return 0.0
    return None


def rates(fits: Sequence[Fit], steps: int, window: Window | None = None) -> Chart | None:
    """The learning rate of each optimizer, which is recorded when it changes; None when none was."""
    found: list[Series] = []
    for fit in fits:
        for number, recorded in fit.rates.items():
            kind = fit.run.optimizers[number].kind
            x, y = _stairs(recorded.steps, recorded.column(), max(steps - 1, 0))
            thin = thinned(kind, *within(x, y, window), POINTS)
            if thin.x and kind not in {series.name for series in found}:
                found.append(Series(thin.name, thin.x, thin.y, colour=4))
    values = [value for series in found for value in series.y if math.isfinite(value) and value > 0]
    if not values:
        return None
    log = max(values) / min(values) > WIDE
    named = found if len(found) > 1 else [Series("", s.x, s.y, colour=4) for s in found]
    return Chart("Learning rate", Axis("step"), Axis("learning rate", log=log), tuple(named))


def _stairs(
    steps: NDArray[np.int64], values: NDArray[np.float32], last: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """A value that holds until the next, up to the last step."""
    if not len(steps):
        return steps, values
    ends = np.append(steps[1:], max(last, int(steps[-1])))
    return np.stack([steps, ends], axis=1).ravel(), np.repeat(values, 2)

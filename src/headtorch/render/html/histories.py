"""The history of one layer: each of its quantities over the steps, and how its values are spread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headtorch.figures import Axis, Band, Chart, Figure, Histogram
from headtorch.render.html.strips import QUANTITIES, Row, Shown, rows, values_of
from headtorch.render.html.thinning import thinned
from headtorch.signals import Fit

POINTS = 48
BINS = 16


class History(NamedTuple):
    """A layer, what is known of it in words, and its figures in pairs: over the steps, and as a histogram."""

    key: str
    name: str
    facts: str
    figures: tuple[tuple[Figure, Figure], ...]


def histories(fit: Fit) -> Iterator[History]:
    """The history of each row of the strips of a fit."""
    for of in ("weight", "activation"):
        for row in rows(fit, of):
            yield history(fit, of, row)


def named(fits: list[Fit], key: str) -> History | None:
    """The history that a link of a strip names."""
    for fit in fits:
        for of in ("weight", "activation"):
            for row in rows(fit, of):
                if row.key == key:
                    return history(fit, of, row)
    return None


def history(fit: Fit, of: str, row: Row) -> History:
    """The history of one row."""
    pairs = []
    for shown in QUANTITIES:
        recorded = values_of(fit, shown)
        if shown.of != of or not recorded or recorded.values.shape[1] <= row.column:
            continue
        values = recorded.values[:, row.column]
        if not np.isfinite(values).any() or (shown.low is None and not np.nansum(values)):
            continue
        pairs.append((_chart(shown, recorded.steps, values), _histogram(shown, values)))
    return History(row.key, row.name, _facts(fit, of, row), tuple(pairs))


def _facts(fit: Fit, of: str, row: Row) -> str:
    if of == "activation":
        node = fit.network.nodes[fit.objective.measured[row.column]]
        shape = " × ".join(map(str, node.shape)) if node.shape else "unknown"
        return f"{node.module or node.op}, puts out {shape}"
    parameter = fit.run.parameters[fit.objective.parameters[row.column]]
    count = int(np.prod(parameter.shape))
    return f"{parameter.kind or 'tensor'}, {' × '.join(map(str, parameter.shape))} = {count:,} numbers"


def _healthy(shown: Shown) -> Band:
    low = shown.low if shown.low is not None else 0.0
    return Band("healthy", low, shown.high if shown.high is not None else np.inf)


def _chart(shown: Shown, steps: NDArray[np.int64], values: NDArray[np.float32]) -> Chart:
    curve = thinned("", steps, values, POINTS)
    positive = [value for value in curve.y if value > 0]
    log = shown.log and bool(positive)
    axis = Axis(shown.title.lower(), log=log) if shown.log else Axis(shown.title.lower(), low=0.0, high=1.0)
    return Chart(shown.title, Axis("step"), axis, (curve,), (_healthy(shown),))


def _histogram(shown: Shown, values: NDArray[np.float32]) -> Histogram:
    """How often which values were seen at the looked-at steps; on a logarithmic scale those above 0."""
    finite = values[np.isfinite(values)].astype(np.float64)
    label = f"{shown.title.lower()}, at so many steps"
    if shown.log:
        finite = finite[finite > 0]
        if not len(finite):
            return Histogram(shown.title, label, (), ())
        low, high = finite.min(), finite.max()
        edges = np.geomspace(low / 1.5, high * 1.5, BINS + 1)
    else:
        edges = np.linspace(0, 1, BINS + 1)
    counts, _ = np.histogram(finite, edges)
    return Histogram(
        shown.title, label, tuple(edges.tolist()), tuple(map(float, counts.tolist())), shown.log, (_healthy(shown),)
    )

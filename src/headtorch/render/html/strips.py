"""Inside the network over time: a heat strip for each quantity, layers in order of computation, steps from left to
right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headtorch.figures import Strip
from headtorch.signals import Fit
from headtorch.store.run import Series

CELLS = 6000  # of one strip
FEWEST, MOST = 24, 160  # columns


class Shown(NamedTuple):
    """A quantity that is shown of each weight or each activation: its title, what it is, and its healthy range."""

    name: str
    of: str
    title: str
    low: float | None
    high: float | None
    log: bool
    words: str


# The ends are those of the rules' pages: `exploding-gradients` (10), `lr-too-high` (0.1), `dead-relu` (95 %, 50 %),
# `saturated-activations` (70 %). At 1e-5 no usual rate moves a weight by its own size in a training; 1e-4 is a tenth
# of the usual step. A spread of 0.01 or 10 is a hundred times too small, or ten times too large, for a layer that
# keeps the scale of standardised inputs.
QUANTITIES = (
    Shown(
        "gradient", "weight", "Gradient norm", 1e-5, 10.0, True, "each weight's gradient beside the weight, |g| / |w|"
    ),
    Shown("update_ratio", "weight", "Update ratio", 1e-4, 0.1, True, "one step beside the weight it moves, |Δw| / |w|"),
    Shown("activation_std", "activation", "Activation spread", 0.01, 10.0, True, "standard deviation of the outputs"),
    Shown("zero_share", "activation", "Zero share", None, 0.95, False, "share of the outputs that are exactly 0"),
    Shown("dead_share", "activation", "Dead units", None, 0.5, False, "share of units at 0 for every example"),
    Shown("saturated_share", "activation", "Saturation", None, 0.7, False, "share of outputs with a slope near 0"),
)


class Row(NamedTuple):
    """A layer as a row: its key in addresses, its name, and its column in the quantities of its kind."""

    key: str
    name: str
    column: int


def rows(fit: Fit, of: str) -> list[Row]:
    """The weights, or the non-linearities, of a fit in order of computation."""
    if of == "activation":
        return [
            Row(f"{fit.objective.id}-a{number}", activation_name(fit, number), column)
            for column, number in enumerate(fit.objective.measured)
        ]
    used = [fit.network.nodes[number].weight for number in fit.network.linear_maps]
    places = {number: place for place, number in enumerate(dict.fromkeys(used))}
    columns = {number: column for column, number in enumerate(fit.objective.parameters)}
    weights = [parameter for parameter in fit.parameters if len(parameter.shape) >= 2]
    weights.sort(key=lambda parameter: places.get(parameter.id, len(places)))
    return [Row(f"{fit.objective.id}-w{p.id}", p.name, columns[p.id]) for p in weights]


def activation_name(fit: Fit, number: int) -> str:
    """What a non-linearity is called: by its layer, or by the layer before it where it has none of its own."""
    nodes = fit.network.nodes
    operation = nodes[number].op.lower()
    if nodes[number].layer:
        layer = nodes[number].layer
        return layer if layer.rpartition(".")[2] == operation else f"{layer} {operation}"
    before = next((nodes[other].layer for other in fit.network.before(number) if nodes[other].layer), "")
    return f"{operation} after {before}" if before else operation


def values_of(fit: Fit, shown: Shown) -> Series:
    """A quantity of a fit over its looked-at steps; empty when it was not recorded."""
    if shown.name != "gradient":
        return fit.series(shown.name)
    gradients, weights = fit.series("grad_norm"), fit.series("weight_norm")
    count = min(len(gradients.steps), len(weights.steps))
    if not count or gradients.values.shape[1] != weights.values.shape[1]:
        return Series(np.empty(0, np.int64), np.empty((0, 1), np.float32))
    norms = np.maximum(weights.values[:count], 1e-30)
    return Series(gradients.steps[:count], (gradients.values[:count] / norms).astype(np.float32))


def strips(fit: Fit) -> Iterator[tuple[Shown, Strip]]:
    """The strips of a fit; those of which nothing was recorded, or where all is 0 that is best so, are left out."""
    for shown in QUANTITIES:
        recorded, layers = values_of(fit, shown), rows(fit, shown.of)
        if not recorded or not layers or recorded.values.shape[1] <= max(row.column for row in layers):
            continue
        layers = [row for row in layers if not np.isnan(recorded.values[:, row.column]).all()]
        values = recorded.values[:, [row.column for row in layers]]
        if not layers or (shown.low is None and not np.nansum(values)):
            continue
        steps, cells = _columns(recorded.steps, values, min(MOST, max(FEWEST, CELLS // len(layers))))
        yield (
            shown,
            Strip(
                title=shown.title,
                rows=tuple(row.name for row in layers),
                steps=tuple(map(float, steps.tolist())),
                values=tuple(map(tuple, cells.T.tolist())),
                low=shown.low,
                high=shown.high,
                log=shown.log,
                links=tuple(f"#layer-{row.key}" for row in layers),
            ),
        )


def _columns(
    steps: NDArray[np.int64], values: NDArray[np.float32], most: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """At most `most` columns: each the first step of its stretch and the median there, infinite where one value is."""
    if len(steps) <= most:
        return steps, values
    edges = np.linspace(0, len(steps), most + 1).astype(np.int64)
    cells = np.empty((most, values.shape[1]), np.float32)
    for column in range(most):
        stretch = values[edges[column] : edges[column + 1]]
        with np.errstate(all="ignore"):
            finite = np.where(np.isfinite(stretch), stretch, np.nan)
            known = np.isfinite(finite).any(axis=0)
            cells[column] = np.where(known, np.nanmedian(np.where(known, finite, 0), axis=0), np.nan)
            cells[column][np.isinf(stretch).any(axis=0)] = np.inf
    return steps[edges[:-1]], cells

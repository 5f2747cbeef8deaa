"""The curves of a run: each measured number over the steps, with a name that other programs can show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headtorch.render.visible import visible
from headtorch.signals import Fit, Signals
from headtorch.store.run import Series

OF_PARAMETERS = ("grad_norm", "weight_norm", "update_ratio")
OF_ACTIVATIONS = ("activation_mean", "activation_std", "zero_share", "dead_share", "saturated_share")
OF_LAYERS = ("output_grad_norm",)


class Curve(NamedTuple):
    """One number over the steps, (points,) each. The name has no character that a terminal would not show."""

    name: str
    steps: NDArray[np.int64]
    values: NDArray[np.float32]


def curves(signals: Signals) -> Iterator[Curve]:
    """The curves of every fit: loss, learning rates, then what is measured of each layer. No two have one name."""
    met: Counter[str] = Counter()
    for fit in signals.fits:
        # Of several fits each begins with its number, as that of a GAN's second half.
        group = f"objective {fit.objective.id}/" if len(signals.fits) > 1 else ""
        for name, series, column in _of(fit):
            name = visible(group + name)
            met[name] += 1
            finished = f"{name} ({met[name]})" if met[name] > 1 else name
            yield Curve(finished, series.steps, series.column(column))


def _of(fit: Fit) -> Iterator[tuple[str, Series, int]]:
    for quantity in ("loss", "eval_loss"):
        if series := fit.series(quantity):
            yield quantity, series, 0
    for number, series in fit.rates.items():
        for group in range(series.values.shape[1]):
            yield f"learning_rate/optimizer {number} group {group}", series, group
    parameters = [parameter.name or f"parameter {parameter.id}" for parameter in fit.parameters]
    yield from _named(fit, OF_PARAMETERS, parameters)
    yield from _named(fit, OF_ACTIVATIONS, _nodes(fit, fit.objective.measured))
    yield from _named(fit, OF_LAYERS, _nodes(fit, fit.objective.layers))


def _named(fit: Fit, quantities: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, Series, int]]:
    for quantity in quantities:
        series = fit.series(quantity)
        if series and series.values.shape[1] == len(names):  # else nothing says what each column is of
            for column, name in enumerate(names):
                yield f"{quantity}/{name}", series, column


def _nodes(fit: Fit, numbers: Sequence[int]) -> list[str]:
    nodes: Sequence[Any] = fit.network.nodes
    return [fit.network.name(number) if 0 <= number < len(nodes) else f"node {number}" for number in numbers]

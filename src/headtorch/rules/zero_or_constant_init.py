"""Units start equal and stay equal, or no signal passes.

Why learning fails: two units of a layer with the same weights put out the same, get the same gradient, and take the
same step: they stay one unit for ever, however wide the layer is. With all weights zero nothing passes either way.

Measured: the share of a weight matrix's rows that equal their neighbour before training, and how much the units'
outputs differ from each other at the end. A last layer that starts at zero breaks the tie by itself, and passes.

Fix: draw initial weights at random: leave PyTorch's defaults, or use He or Glorot.
"""

import math
from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals, place_of

FAMILY = "initialisation"
LEADS_TO = (
    "lr-too-high",
    "capacity-too-small",
    "vanishing-gradients",
    "lr-too-low",
    "dead-relu",
    "init-too-small",
    "constant-predictions",
)
EQUAL = 1e-3  # of the outputs' size


def find(signals: Signals) -> Iterator[Finding]:
    """One finding a fit, at its first hidden layer whose units were made equal and still are."""
    for fit in signals.fits:
        for number in fit.network.linear_maps[:-1]:
            node = fit.network.nodes[number]
            parameter = fit.run.parameters.get(node.weight) if node.weight is not None else None
            if parameter is None or len(parameter.shape) < 2 or parameter.shape[0] < 2:
                continue
            deviation, _, equal = fit.initial(parameter)
            spread = _spread_behind(fit, number)
            if equal < 0.99 or spread is None or spread >= EQUAL:  # NaN, of outputs that are all zero, goes on
                continue
            yield Finding(
                rule="zero-or-constant-init",
                severity="error",
                message=f"all {parameter.shape[0]} units of `{fit.network.name(number)}` start equal and stay equal",
                where=signals.init_place(deviation == 0) or place_of(node),
                saw=(
                    Evidence("equal rows of the initial weight", f"{equal:.0%}", healthy="0 %", layer=parameter.name),
                    Evidence(
                        "spread between units at the end", 0.0 if math.isnan(spread) else spread, healthy="above 0.1"
                    ),
                    fit.seen_loss,
                ),
                help="draw the weights at random, such as `nn.init.kaiming_normal_`, or leave the default",
                label="makes all units equal",
                confidence=0.96,
            )
            break


def _spread_behind(fit: Fit, number: int) -> float | None:
    """How much the units differ at the end, at the first measured activation that a layer feeds; NaN: all are zero."""
    for measured, series in fit.measured("unit_spread"):
        if measured > number and number in list(fit.network.before(measured))[:3]:
            return float(np.median(series.column()[-3:]))
    return None

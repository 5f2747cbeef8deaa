"""Sigmoids or tanhs sit where their slope is near zero.

Why learning stops: the gradient that passes a sigmoid is multiplied by y (1 - y), at most 1/4 and near 0 where y is
near 0 or 1; tanh by 1 - y^2. Inputs far from 0, from raw data, large weights or one large step, put units there.

Measured: the share of a hidden layer's outputs where the slope is below 4 % of its largest. At initialisation it should
be near 0; a trained output layer is saturated with good reason and is not looked at.

Fix: normalise the inputs, initialise with variance 1 / fan-in (Glorot), or use ReLU in hidden layers.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals, place_of, span

FAMILY = "the gradient"
LEADS_TO = (
    "vanishing-gradients",
    "lr-too-low",
    "lr-too-high",
    "capacity-too-small",
    "constant-predictions",
)
SATURATED = 0.7  # of a layer's outputs


def find(signals: Signals) -> Iterator[Finding]:
    """One finding a fit, at its first saturated hidden layer, if it does not learn or was saturated from the start."""
    for fit in signals.fits:
        if fit.steps < 3 or fit.gain > 0.95:
            continue
        found = [
            (number, series)
            for number, series in fit.measured("saturated_share")
            if not fit.network.is_output(number) and _share(fit, series.column()) >= SATURATED
        ]
        if not found:
            continue
        number, series = found[0]
        share, at_start = _share(fit, series.column()), float(series.column()[0])
        if fit.gain > 0.3 and at_start < SATURATED:
            continue
        yield Finding(
            rule="saturated-activations",
            severity="error" if fit.gain < 0.3 else "warning",
            message=f"{share:.0%} of the outputs of `{fit.network.name(number)}` sit where the slope is near zero",
            where=place_of(fit.network.nodes[number]),
            saw=(
                Evidence(
                    "outputs with a slope near 0", f"{share:.0%}", healthy="below 20 %", steps=span(series.steps[:10])
                ),
                Evidence("at the start", f"{at_start:.0%}", healthy="near 0 %"),
                fit.seen_loss,
            ),
            help="normalise what comes in, or initialise with smaller weights (Glorot)",
            label="saturated",
            confidence=0.84 if at_start >= SATURATED else 0.62,
        )


def _share(fit: Fit, column: np.ndarray) -> float:
    return float(np.nanmedian(column[:10] if fit.diverged_at is not None else column[len(column) // 2 :]))

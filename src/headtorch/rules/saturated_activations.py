"""Sigmoids or tanhs sit where their slope is near zero.

Why learning fails: the gradient that passes a sigmoid is multiplied by its slope `σ′ = y (1 − y) ≤ 1/4`, near 0 where
y is near 0 or 1; at a tanh by `tanh′ = 1 − y²`. Inputs far from 0, from raw data, large weights or one large step,
put units there.

Measured: the share of a hidden layer's outputs where the slope is below 4 % of its largest, over the second half of
the training, and at its start. An output layer is saturated with good reason and is not looked at.

Healthy: near 0 at initialisation (LeCun et al., 1998; Glorot & Bengio, 2010). In the end a trained layer may be far
from that: measured over the 16 of 119 healthy trainings that have such layers, the worst one has 7 % in the middle,
and up to 67 % in 19 of 20. So it is told from 70 % on, and only when the loss does not fall or the layer was so from
the start.

Fix: normalise the inputs, initialise with variance 1 / fan-in, `nn.init.xavier_normal_(w)`, or use ReLU in hidden
layers.

Ignore it when the layer is a gate or a code that is meant to be 0 or 1.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals, place_of, span

FAMILY = "the gradient"
LEADS_TO = ("vanishing-gradients", "lr-too-low", "lr-too-high", "capacity-too-small")
SATURATED = 0.7  # of a layer's outputs: 95 % of the healthy trainings that have such layers end below 0.67
LEARNED = 0.95  # of the way from chance to 0: a saturation that did no harm
HELD_BACK = 0.3  # of that way: 114 of 118 healthy trainings come further
ENOUGH = 3  # steps: fewer show a start only


def find(signals: Signals) -> Iterator[Finding]:
    """One finding a fit, at its first saturated hidden layer, if it does not learn or was saturated from the start."""
    for fit in signals.fits:
        if fit.steps < ENOUGH or fit.gain > LEARNED:
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
        if fit.gain > HELD_BACK and at_start < SATURATED:
            continue
        yield Finding(
            rule="saturated-activations",
            severity="error" if fit.gain < HELD_BACK else "warning",
            message=f"{share:.0%} of the outputs of `{fit.network.name(number)}` sit where the slope is near zero",
            where=place_of(fit.network.nodes[number]),
            saw=(
                Evidence(
                    "outputs with a slope near 0",
                    f"{share:.0%}",
                    healthy="mostly below 20 %",
                    steps=span(series.steps[:10]),
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

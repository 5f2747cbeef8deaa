"""Steps are too small: the loss is flat when its axis is read.

Why nothing is learned: the loss falls by about lr |g|^2 a step. A loss that falls from 1.0986 to 1.0979 draws the same
slope on its own axis as one that falls to 0: read the numbers.

Measured: how far the weights have gone in the whole training beside their own size, as the sum of |dw|/|w| over the
steps. To learn a task from a random start, weights of a small network move by about their own size; here they went a
small part of the way, the loss is close to where it began, and it was still falling at the end or never moved. Or the
steps are small, and the loss creeps down from tenth to tenth of the training without having come anywhere.

Fix: ten times the rate, and again, until the loss falls visibly in the first steps; or Adam, whose steps do not shrink
with the gradient.

Ignore it in fine-tuning, where the weights are to stay near.
"""

import math
from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals

FAMILY = "the step"
LEADS_TO = (
    "capacity-too-small",
    "constant-predictions",
)
SHORT_WAY = 0.5  # of the weights' own size in the whole training
CREEPING = 1e-3  # |dw|/|w|: the usual size of a step that learns


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that went a short way, gained little, and has not come to rest after a fall."""
    for fit in signals.fits:
        if fit.steps < 10 or not fit.updates.size or not math.isfinite(fit.gain):
            continue
        short = fit.distance < SHORT_WAY and fit.gain < 0.25 and _unfinished(fit)
        creeping = (
            fit.distance < 4 * SHORT_WAY and fit.gain < 0.05 and fit.usual_update < CREEPING and _falls_steadily(fit)
        )
        if not short and not creeping:
            continue
        rates = [float(np.nanmax(series.values)) for series in fit.rates.values() if series]
        yield Finding(
            rule="lr-too-low",
            severity="error" if fit.gain < 0.1 else "warning",
            message=f"the weights went {_share(fit.distance)} of their own size in {fit.steps:,} steps, "
            "and the loss hardly fell",
            where=signals.rate_place(fit),
            saw=(
                Evidence("sum of |Δw|/|w|", fit.distance, healthy="about 1 or more from a random start"),
                *((Evidence("learning rate", max(rates)),) if rates else ()),
                fit.seen_loss,
                *((Evidence("loss of a constant answer", fit.chance),) if fit.chance else ()),
            ),
            help="raise the learning rate: ten times first, then ten times again; or use Adam",
            label="this learning rate",
            confidence=0.8 if fit.distance < 0.1 else 0.7,
        )


def _unfinished(fit: Fit) -> bool:
    """Whether the loss was still on its way: the second half fell at a fifth of the first half's pace or more, or
    never fell."""
    half = fit.steps // 2
    smooth = [float(np.median(part)) for part in np.array_split(fit.losses, min(10, fit.steps))]
    first, second = smooth[0] - smooth[len(smooth) // 2], smooth[len(smooth) // 2] - smooth[-1]
    total = smooth[0] - smooth[-1]
    return half > 0 and (total < 0.05 * abs(smooth[0]) or second > 0.2 * first)


def _falls_steadily(fit: Fit) -> bool:
    """Whether the loss fell from each tenth of the training to the next, the last ones as much as the first."""
    tenths = np.array([float(np.mean(part)) for part in np.array_split(fit.losses, 10)])
    falls = -np.diff(tenths)
    return bool((falls > 0).mean() > 0.8 and falls[-3:].sum() > 0.2 * falls[:3].sum())


def _share(distance: float) -> str:
    return f"{distance:.2g}" if distance >= 0.01 else f"{distance:.1e}"

"""Targets of a large scale.

Why learning fails: a fresh network puts out numbers around 1. To reach targets in the thousands its weights must grow
by that factor, in steps that were made for weights of size 1; the gradient of a squared error grows with the target
too, and throws plain SGD off.

Measured: the standard deviation and the mean of the targets of a regression, and how far the predictions came.

Fix: subtract the mean of the training targets and divide by their standard deviation; undo it on the predictions.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the data"
LEADS_TO = (
    "lr-too-low",
    "exploding-gradients",
    "lr-too-high",
    "dead-relu",
    "input-not-normalised",
    "saturated-activations",
    "init-too-large",
    "vanishing-gradients",
    "capacity-too-small",
    "numeric-overflow",
    "constant-predictions",
)
LARGE = 50.0


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each regression that does not learn targets of a large scale."""
    for fit in signals.fits:
        targets = fit.series("target")
        if not targets or fit.loss is None or fit.loss.name not in ("mse", "l1", "smooth_l1", "huber"):
            continue
        if fit.gain > 0.5 or fit.fits_measure > 0.5:
            continue
        scale = float(np.nanmedian(targets.values[:, 7]))
        mean = float(abs(np.nanmedian(targets.values[:, 0])))
        if max(scale, mean) < LARGE:
            continue
        low, high = float(targets.values[:, 2].min()), float(targets.values[:, 3].max())
        yield Finding(
            rule="target-not-normalised",
            severity="error",
            message=f"the targets reach from {low:.3g} to {high:.3g}, far from what a fresh network puts out",
            where=signals.target_place(fit),
            saw=(
                Evidence("std of the targets", scale, healthy="about 1"),
                Evidence("R^2 at the end", fit.fits_measure, healthy="near 1"),
                fit.seen_loss,
            ),
            help="subtract the targets' mean and divide by their standard deviation before training",
            label="these targets",
            confidence=0.89,
        )

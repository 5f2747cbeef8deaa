"""Labels lie outside of what the loss is made for.

Why learning fails: binary cross entropy, -(y ln p + (1 - y) ln (1 - p)), has its minimum at p = y for 0 <= y <= 1 only.
For y = 2 it falls without end as the score grows, and for y = -1 as it falls: the loss goes below 0, and the weights
go wherever it falls fastest.

Measured: the smallest and the largest target that a binary cross entropy is given.

Fix: targets of 0 and 1: `(y + 1) / 2` for -1 and 1, `y / 255` or `(y > 0)` for a mask of bytes; class numbers take
cross entropy.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the data"
LEADS_TO = (
    "target-not-normalised",
    "output-activation-range",
    "exploding-gradients",
    "lr-too-high",
    "lr-too-low",
    "numeric-overflow",
    "class-imbalance",
    "saturated-activations",
    "update-sign-flipped",
    "capacity-too-small",
    "constant-predictions",
)
ROUNDING = 1e-3  # resampled masks and smoothed labels may leave the range by as much as float16 rounds off


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each binary cross entropy with targets below 0 or above 1."""
    for fit in signals.fits:
        targets, loss = fit.series("target"), fit.loss
        if loss is None or loss.name not in ("bce", "bce_with_logits") or not targets:
            continue
        smallest, largest = float(np.nanmin(targets.values[:, 2])), float(np.nanmax(targets.values[:, 3]))
        if smallest >= -ROUNDING and largest <= 1 + ROUNDING:
            continue
        yield Finding(
            rule="labels-out-of-range",
            severity="error",
            message=f"binary cross entropy gets targets from {smallest:.4g} to {largest:.4g}",
            where=signals.target_place(fit),
            saw=(
                Evidence("targets", f"{smallest:.4g} to {largest:.4g}", healthy="0 to 1"),
                fit.seen_loss,
            ),
            help="bring the targets to 0 and 1, or use `cross_entropy` where they number classes",
            label="reaches beyond 0 and 1",
            confidence=0.96,
        )

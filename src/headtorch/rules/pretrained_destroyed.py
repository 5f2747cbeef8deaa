"""Fine-tuning wrecks the features it meant to use.

Why it fails: loaded weights stand in a good place. Steps made for a random start, of a hundredth of the weights' own
size and more, carry them away before the new head has learned anything.

Measured: |dw|/|w| of weights that were loaded or trained before, and what became of the loss.

Fix: a rate of a tenth or a hundredth of the one the weights were trained with; freeze the features first; warm up.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the step"
LEADS_TO = (
    "lr-too-high",
    "dead-relu",
    "exploding-gradients",
    "vanishing-gradients",
    "overfitting",
    "constant-predictions",
)
LARGE_STEP = 0.05  # |dw|/|w|


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that throws loaded weights about and learns nothing."""
    for fit in signals.fits:
        updates = fit.series("update_ratio")
        mask = fit.weights & fit.trained_before & fit.moved
        if not updates or not mask.any() or updates.values.shape[1] != len(mask) or not fit.gain < 0.15:
            continue
        first = float(np.nanmax(np.nanmedian(updates.values[:20, mask], axis=1)))
        distance = float(np.nansum(np.nanmedian(updates.values[:100, mask], axis=1)))
        if first < LARGE_STEP or distance < 0.5:
            continue
        yield Finding(
            rule="pretrained-destroyed",
            severity="error",
            message=f"steps move loaded weights by {first:.2g} times their size, and the loss stays at chance",
            where=signals.rate_place(fit),
            saw=(
                Evidence("|Δw|/|w| of loaded weights", first, healthy="1e-5 to 1e-3"),
                Evidence("moved in the first looked-at steps", distance, healthy="below 0.1 in all"),
                fit.seen_loss,
            ),
            help="lower the learning rate to a hundredth; or freeze the loaded layers first",
            label="this rate moves the loaded weights",
            confidence=0.87,
        )

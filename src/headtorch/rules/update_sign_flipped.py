"""The step climbs: a sign is wrong in the loss or the update.

Why learning fails: the gradient points uphill. Adding it instead of subtracting it raises the loss with every step.

Measured: the cosine between each update and the direction downhill, -g. Plain descent has 1; momentum and adaptive
rates stay above 0 on the whole; a step that climbs has -1.

Fix: subtract: `w -= lr * w.grad`; leave out the minus before the loss; `maximize=False`.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding, Where
from headtorch.signals import Fit, Signals, span

FAMILY = "the step"
LEADS_TO = (
    "lr-too-high",
    "exploding-gradients",
    "numeric-overflow",
    "dead-relu",
    "saturated-activations",
    "no-zero-grad",
    "constant-predictions",
)
UPHILL = -0.3


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose updates point up the gradient."""
    for fit in signals.fits:
        descent = fit.series("descent")
        mask = fit.reached & fit.moved
        if not descent or not mask.any() or descent.values.shape[1] != len(mask) or len(descent.steps) < 3:
            continue
        rows = np.nanmedian(descent.values[:, mask], axis=1)
        typical = float(np.nanmedian(rows[:50]))
        if not typical < UPHILL:
            continue
        yield Finding(
            rule="update-sign-flipped",
            severity="error",
            message=f"the updates point up the gradient: the cosine with the way down is {typical:.2f}",
            where=_place(signals, fit),
            saw=(
                Evidence(
                    "cosine of the update and -gradient", typical, healthy="above 0", steps=span(descent.steps[:50])
                ),
                fit.seen_loss,
            ),
            help="subtract the gradient instead of adding it",
            label="climbs",
            confidence=0.96,
        )


def _place(signals: Signals, fit: Fit) -> Where | None:
    for optimizer in fit.followed_by:
        return signals.places.argument(optimizer.made_at, "maximize")
    backward = fit.objective.backward_at
    return signals.places.update_by_hand(backward) if backward else None

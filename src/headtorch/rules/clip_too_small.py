"""Gradient clipping leaves next to nothing of each step.

Why learning is slow: clipping to norm c makes every longer gradient c long. With plain SGD a step is then lr c,
whatever the gradient: a c of a hundredth of the usual norm is a learning rate of a hundredth. Adam divides by the size
of the gradient and does not mind.

Measured: the norm of the gradients before clipping beside the limit, and how far the weights went in all.

Fix: a limit near the usual norm (often 1.0), so that only the rare large gradients are cut.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding, Where
from headtorch.signals import Fit, Signals

FAMILY = "the step"
LEADS_TO = (
    "lr-too-low",
    "lr-schedule-kills",
    "capacity-too-small",
    "vanishing-gradients",
    "constant-predictions",
)
CUT = 0.05  # what is left of a usual gradient
SHORT_WAY = 1.0  # of the weights' own size in the whole training
SCALE_FREE = ("Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adamax", "Adadelta", "Rprop", "Adafactor")


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose usual gradient is cut to a small part, by an optimizer that minds."""
    for fit in signals.fits:
        clips = fit.series("clip")
        if not clips or any(o.kind in SCALE_FREE for o in fit.followed_by) or fit.gain > 0.9:
            continue
        norms, limit = clips.values[:, 0], float(clips.values[-1, 1])
        left = float(np.nanmedian(clips.values[:, 1] / np.maximum(norms, 1e-30)))
        cut = float(np.mean(norms > clips.values[:, 1]))
        if left > CUT or cut < 0.9 or not fit.distance < SHORT_WAY:
            continue
        yield Finding(
            rule="clip-too-small",
            severity="error",
            message=f"clipping to {limit:g} leaves {left:.1%} of a usual gradient",
            where=_place(signals, fit),
            saw=(
                Evidence("norm of the gradient", float(np.nanmedian(norms)), healthy=f"near the limit of {limit:g}"),
                Evidence("steps that are clipped", f"{cut:.0%}", healthy="a few"),
                Evidence("sum of |Δw|/|w|", fit.distance, healthy="about 1 or more from a random start"),
                fit.seen_loss,
            ),
            help=f"raise the limit to about {float(np.nanmedian(norms)):.2g}",
            label="this limit",
            confidence=0.9,
        )


def _place(signals: Signals, fit: Fit) -> Where | None:
    for event in signals.run.events("clip"):
        if event.value["objective"] == fit.objective.id:
            stack = tuple(Where(**where) for where in event.value["where"])
            return signals.places.argument(stack, "max_norm", position=1)
    return fit.objective.backward_at

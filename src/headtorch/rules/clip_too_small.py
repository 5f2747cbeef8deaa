"""Gradient clipping leaves next to nothing of each step.

Why learning fails: clipping to norm c makes every longer gradient c long, `g ← g · min(1, c / |g|)`. With plain SGD a
step is then at most `lr · c`, whatever the gradient: a c of a hundredth of the usual norm is a learning rate of a
hundredth. Adam divides by the size of the gradient and does not mind.

Measured: the norm of the gradients before clipping beside the limit, how many steps are clipped, and how far the
weights went in all.

Healthy: a limit of half to ten times the usual norm (Pascanu et al., 2013), which cuts a few steps only. Told where a
tenth of that half, 5 %, is left of a usual gradient, 9 in 10 steps are clipped, and the weights went less than their
own size: measured over 119 healthy trainings, 107 went further.

Fix: a limit near the usual norm, so that only the rare large gradients are cut:
`clip_grad_norm_(model.parameters(), 1.0)`.

Ignore it when a small limit is paired with a large rate on purpose, as in steps of a fixed length (normalised
gradients), or with noise for privacy.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Change, Evidence, Finding, Where
from headtorch.remedies import valued
from headtorch.signals import Fit, Signals

FAMILY = "the step"
LEADS_TO = ("lr-too-low", "lr-schedule-kills", "capacity-too-small", "vanishing-gradients")
CUT = 0.05  # what is left of a usual gradient: a tenth of the smallest limit that still works, Pascanu et al. (2013)
NEARLY_ALL = 0.9  # of the steps: a limit that is met now and then is what clipping is for
SHORT_WAY = 1.0  # of the weights' own size in the whole training: 107 of 118 healthy ones go further
LEARNED = 0.9  # of the way from chance to 0: what came so far was not held back
SCALE_FREE = ("Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adamax", "Adadelta", "Rprop", "Adafactor")


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose usual gradient is cut to a small part, by an optimizer that minds."""
    for fit in signals.fits:
        clips = fit.series("clip")
        if not clips or any(o.kind in SCALE_FREE for o in fit.followed_by) or fit.gain > LEARNED:
            continue
        norms, limit = clips.values[:, 0], float(clips.values[-1, 1])
        left = float(np.nanmedian(clips.values[:, 1] / np.maximum(norms, 1e-30)))
        cut = float(np.mean(norms > clips.values[:, 1]))
        if left > CUT or cut < NEARLY_ALL or not fit.distance < SHORT_WAY or not fit.had_time:
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


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The usual limit, what the gradients usually have, and their middle."""
    usual = float(np.nanmedian(next(fit.series("clip").column() for fit in signals.fits if fit.series("clip"))))
    values = (1.0, float(f"{usual:.1g}"), float(f"{usual**0.5:.1g}"))
    yield from valued(signals, finding.where, "max_norm", "raise the limit to", list(dict.fromkeys(values)))

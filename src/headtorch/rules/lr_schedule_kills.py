"""A schedule or decay makes the learning rate useless while there is still much to learn.

Why learning stops: a rate that has fallen a thousandfold moves the weights a thousandth as far; at 0 nothing moves.
What the loss is then, it stays.

Measured: the share of the steps on which the rate was at most a hundredth of its largest, and how the loss stood when
it fell. A rate that fades out over the last few steps, or falls once the loss has come to rest, is as it should be.

Fix: begin the decay later, decay by less, or step the scheduler once an epoch rather than once a batch.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals

FAMILY = "the step"
LEADS_TO = (
    "lr-too-low",
    "capacity-too-small",
    "vanishing-gradients",
    "constant-predictions",
)
TINY = 0.01  # of the largest rate
LONG = 0.3  # of the steps


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose rate was next to nothing for a good part of its steps."""
    for fit in signals.fits:
        steps = fit.series("loss").steps
        for rates in fit.rates.values():
            if not rates or fit.steps < 20 or fit.gain > 0.9:
                continue
            largest = np.nanmax(rates.values, axis=1)
            if not np.nanmax(largest) > 0:
                continue
            in_force = largest[np.clip(np.searchsorted(rates.steps, steps, side="right") - 1, 0, None)]
            peak = int(np.argmax(in_force))
            tiny = np.flatnonzero((in_force <= TINY * np.nanmax(largest)) & (np.arange(len(in_force)) > peak))
            if len(tiny) < LONG * len(steps) or not _was_falling(fit, int(tiny[0])):
                continue
            yield Finding(
                rule="lr-schedule-kills",
                severity="error",
                message=f"the rate is {np.median(in_force[tiny]):.2g} on {len(tiny) / len(steps):.0%} of the steps",
                where=signals.schedule_place() or signals.rate_place(fit),
                saw=(
                    Evidence(
                        "learning rate", f"{np.nanmax(largest):.3g} to {in_force[-1]:.3g}", curve=_curve(in_force)
                    ),
                    Evidence(
                        "steps at a hundredth of it or less", f"{len(tiny) / len(steps):.0%}", healthy="below 10 %"
                    ),
                    fit.seen_loss,
                ),
                help="let the rate fall later or by less; count whether the scheduler steps by batch or by epoch",
                label="sets the learning rate",
                confidence=0.9,
            )
            break


def _was_falling(fit: Fit, at: int) -> bool:
    """Whether the loss was still going down when the rate fell: the second half of the way there against the first."""
    before = fit.losses[:at]
    if len(before) < 8:
        return True
    quarters = [float(np.median(part)) for part in np.array_split(before, 4)]
    return quarters[-2] - quarters[-1] > 0.05 * (quarters[0] - quarters[-1])


def _curve(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values[:: max(1, len(values) // 20)])

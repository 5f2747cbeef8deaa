"""A schedule or decay makes the learning rate useless while there is still much to learn.

Why learning fails: what is left of the way is the sum of the steps still to come, `w_T − w_t = −Σ lr_s g_s`. A rate
that has fallen a hundredfold moves the weights a hundredth as far; at 0 nothing moves. What the loss is then, it
stays. A rate that grows by a factor f each time is `lr·fⁿ` after n of them, and ends beyond `2 / h`.

Measured: the share of the steps, after the rate's peak, on which it was at most a hundredth of that, and how the loss
stood when it fell there. A rate that warms up, fades out over the last few steps, or falls once the loss has come to
rest, is as it should be. And whether the rate only grew, tenfold or more, while the loss rose again; or grew to the
end, and to less than a fifth of what the optimizer was made with.

Healthy: below 10 % of the steps: a cosine (Loshchilov & Hutter, 2017) spends 6 % of them below a hundredth of its
peak, a linear decay 1 % (derivation). Told at 30 %, five times the cosine's share.

Fix: begin the decay later, decay by less, or step the scheduler once an epoch rather than once a batch:
`StepLR(optimizer, step_size=30 * len(loader))` if it steps by batch.

Ignore it when the rate falls in stairs that were tried out for a training much longer than this one.
"""

import ast
import math
from collections.abc import Iterator

import numpy as np

from headtorch.changes import delete, number_at
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import called
from headtorch.remedies import optimizer_name, valued
from headtorch.signals import Fit, Signals

FAMILY = "the step"
LEADS_TO = (
    "lr-too-low",
    "lr-too-high",
    "capacity-too-small",
    "vanishing-gradients",
    "exploding-gradients",
    "dead-relu",
    "saturated-activations",
)
TINY = 0.01  # of the largest rate: a hundred steps now make one of before
LONG = 0.3  # of the steps: a cosine is below TINY for 2 asin(0.1) / pi = 6 % of them, a linear decay for 1 %
LEARNED = 0.9  # of the way from chance to 0: little is left to learn
GROWN = 10.0  # times: a warm-up grows as far, but the loss falls with it
HIGHER = 2.0  # times the lowest loss, and above the first: noise alone seldom doubles a loss
COLD = 0.2  # of the rate it was made with: a fifth of the way is a small part of any warm-up
STAIRS = 3  # rates: of two, a growth is no course
FEW = 20  # steps: fewer have no schedule to speak of
SHORT = 8  # steps before it, two for each quarter: fewer show no course, and the loss had no time to rest
FALLING = 0.05  # of the fall so far, in the last of its quarters but one: a loss at rest falls by nothing there


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose rate was next to nothing for a good part of its steps."""
    for fit in signals.fits:
        yield from _explodes(signals, fit)
        yield from _never_warm(signals, fit)
        steps = fit.series("loss").steps
        for rates in fit.rates.values():
            if not rates or fit.steps < FEW or fit.gain > LEARNED:
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
                message=f"the rate is at most {in_force[tiny].max():.2g} on {len(tiny) / len(steps):.0%} of the steps",
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
                help=_advice(signals, fit),
                label="sets the learning rate",
                confidence=0.9,
            )
            break


def _advice(signals: Signals, fit: Fit) -> str:
    followed = {optimizer.id for optimizer in fit.followed_by}
    kinds = {e.value["scheduler"] for e in signals.run.events("scheduler") if e.value["optimizer"] in followed}
    if "ReduceLROnPlateau" in kinds:
        return "`mode='max'` where what `step()` is given should rise, as an accuracy; else more `patience`"
    return "let the rate fall later or by less; count whether the scheduler steps by batch or by epoch"


def _explodes(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding when the rate only grew, far, and the loss was lower before."""
    for rates in fit.rates.values():
        if not rates or fit.steps < FEW:
            continue
        largest = np.nanmax(rates.values, axis=1)
        if not (largest[0] > 0 and largest[-1] >= GROWN * largest[0] and largest[-1] == np.nanmax(largest)):
            continue
        best = float(np.nanmin(fit.losses))
        if math.isfinite(fit.last_loss) and not fit.last_loss > max(HIGHER * best, fit.first_loss):
            continue
        yield Finding(
            rule="lr-schedule-kills",
            severity="error",
            message=f"the rate grows from {largest[0]:.2g} to {largest[-1]:.2g} and never falls",
            where=signals.schedule_place() or signals.rate_place(fit),
            saw=(
                Evidence("learning rate", f"{largest[0]:.3g} to {largest[-1]:.3g}", curve=_curve(largest)),
                Evidence("lowest loss on the way", best),
                fit.seen_loss,
            ),
            help="use a factor below 1; after a warm-up let the rate fall",
            label="sets the learning rate",
            confidence=0.9,
        )
        return


def _never_warm(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding when the rate was still growing in the end, and far below the one that the optimizer was made with."""
    for optimizer in fit.followed_by:
        rates = fit.rates.get(optimizer.id)
        base = max(optimizer.made_with, default=0.0)
        if not rates or fit.steps < FEW or fit.gain > LEARNED or not base > 0 or len(rates.steps) < STAIRS:
            continue
        largest = np.nanmax(rates.values, axis=1)
        if not (np.diff(largest) > 0).all() or not largest[-1] < COLD * base:
            continue
        yield Finding(
            rule="lr-schedule-kills",
            severity="error",
            message=f"the rate is still warming up when the training ends, at {largest[-1] / base:.1%} of {base:.3g}",
            where=signals.schedule_place() or signals.rate_place(fit),
            saw=(
                Evidence("learning rate", f"{largest[0]:.3g} to {largest[-1]:.3g}", curve=_curve(largest)),
                Evidence("the one that the optimizer was made with", base),
                fit.seen_loss,
            ),
            help="step the schedule as often as its numbers are meant, by batch or by epoch; or warm up for less",
            label="sets the learning rate",
            confidence=0.9,
        )
        return


def _was_falling(fit: Fit, at: int) -> bool:
    """Whether the loss was still going down when the rate fell: the second half of the way there against the first."""
    before = fit.losses[:at]
    if len(before) < SHORT:
        return True
    quarters = [float(np.median(part)) for part in np.array_split(before, 4)]
    return quarters[-2] - quarters[-1] > FALLING * (quarters[0] - quarters[-1])


def _curve(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values[:: max(1, len(values) // 20)])


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A slower schedule, or none."""
    where = finding.where
    call = signals.places.call_at(where) if where is not None else None
    if where is None or call is None:
        return
    for name, position, values in (("gamma", None, (0.9, 1.0)), ("step_size", 1, ())):
        place = signals.places.argument((where,), name, position)
        if place is None or place == where:
            continue
        number = number_at(signals.run.sources, place)
        if name == "gamma" and number is not None and called(call) == "ExponentialLR":
            values = (0.99, 0.999)
        if name == "step_size" and number is not None:
            values = (int(20 * number), int(100 * number))
        yield from valued(signals, place, name, f"slow the schedule down: {name}", values)
    schedule = optimizer_name(signals, where)
    for step, place in signals.places.calls(where.file, "step"):
        if schedule and ast.unparse(step.func) == f"{schedule}.step":
            yield Change("keep the learning rate as it is", (delete(place),))

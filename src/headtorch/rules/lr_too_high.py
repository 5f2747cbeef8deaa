"""Steps overshoot: the loss fluctuates at a high level, diverges, or kills units.

Why learning fails: along a direction of curvature h a step multiplies the distance to the minimum by `1 − lr·h`. That
shrinks it only while `lr < 2 / h` (LeCun et al., 1998); above, each step lands higher on the other side of the
valley. Far above, one step throws the weights to where sigmoids are flat and ReLUs are zero, and no gradient leads
back.

Measured: how far one step moves the weights beside their own size, |Δw|/|w|, early and in all. Told only when the
loss shows it too: NaN after growing a hundredfold or after steps of more than 0.1, at twice its start, still at
chance, leaping about, or less than half of the way down after five steps that are together as long as the weights
themselves; not of one of several rates that are tried out, of which another did better.

Healthy: about 1e-3 a step (Karpathy, CS231n, 2015); measured over 119 healthy trainings of small networks, 9 in 10
take a usual step of 0.0016 to 0.023, and 14 take an early one of more than 0.1, from which they recover. So a large
step is no fault without harm.

Fix: divide the rate by ten, and again, until the loss falls from the first steps on:
`SGD(model.parameters(), lr=0.01)`.

Ignore it when the loss recovers from it, as after each warm restart of a cyclic schedule.
"""

import math
from collections.abc import Iterator

import numpy as np

from headtorch.model import Change, Evidence, Finding
from headtorch.remedies import scaled, this_number
from headtorch.signals import Fit, Signals

FAMILY = "the step"
LEADS_TO = (
    "dead-relu",
    "saturated-activations",
    "exploding-gradients",
    "vanishing-gradients",
    "numeric-overflow",
    "overfitting",
    "capacity-too-small",
    "momentum-too-high",
    "no-skip-too-deep",
    "init-too-large",
)
EARLY, USUAL = (0.0012, 0.15), (0.0016, 0.023)  # |dw|/|w|: nine in ten of the 118 healthy trainings
ENOUGH = 3  # steps: the first to start from, the second to overshoot, the third to show it
LARGE_STEP = 0.1  # |dw|/|w|: a hundred times the usual 1e-3; 104 of 118 healthy trainings stay below from the start
RAN_AWAY = 100.0  # times the first loss, before NaN: steps that overshoot grow geometrically, a log(0) does not
OVERSHOOTING = 0.03  # |dw|/|w| late in training: 117 of 119 healthy ones stay below
THROWN = 1.0  # |dw|/|w| in five steps: what the weights were at the start is gone
AT_START = 5  # steps: the first ones of Adam are of full length, whatever the gradient
RISEN = 2.0  # times its start or chance: 0 of 118 healthy trainings end above their start
AT_CHANCE = 0.1  # of the way from chance to 0: 117 of 118 healthy trainings come further
UNFINISHED = 0.5  # of that way: 112 of 118 come further
SWING = 0.2  # of the tail's mean: a loss with room left to fall that swings by a fifth of itself, and by more than the
# mean of B squared normal errors does from batch to batch: their relative spread is sqrt(2 / B)
TURNS = 0.3  # of the steps: independent noise turns at 2 in 3, a smooth curve at none
ALONG = 0.25  # the cosine with the way down: 19 of 20 healthy trainings have more
LAMED = 0.7  # of a layer's units: 95 % of healthy trainings have below 0.42 dead, and 0.67 saturated


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose steps are large and whose loss shows the harm."""
    for fit in signals.fits:
        if fit.steps < ENOUGH or not fit.updates.size or signals.outdone(fit) or _explores(fit):
            continue
        harm = _harm(fit)
        if harm is None:
            continue
        what, confidence = harm
        rate = _rate(fit)
        step, seen = _largest(fit)
        yield Finding(
            rule="lr-too-high",
            severity="error",
            message=f"one step moves the weights by {_times(step)} their own size, and {what}",
            where=signals.rate_place(fit),
            saw=(
                seen,
                *((Evidence("learning rate", rate),) if rate is not None else ()),
                fit.seen_loss,
                *((Evidence("loss of a constant answer", fit.chance),) if fit.chance else ()),
            ),
            help="lower the learning rate: a tenth of it first, then a tenth again",
            label=this_number(signals, signals.rate_place(fit), "learning rate"),
            confidence=confidence,
        )


def _explores(fit: Fit) -> bool:
    """Whether steps that are written out go hardly along the gradient, as those of Langevin dynamics: they are long to
    explore. Plain descent has a cosine of 1."""
    descent = fit.series("descent")
    return bool(descent) and not fit.followed_by and abs(float(np.nanmedian(descent.values))) < ALONG


def _largest(fit: Fit) -> tuple[float, Evidence]:
    """The step that is further from what healthy trainings take: the largest early one, or the usual one."""
    early, usual = (0.0 if math.isnan(step) else step for step in (fit.early_update, fit.usual_update))
    if early / EARLY[1] >= usual / USUAL[1]:
        healthy = f"{EARLY[0]:g} to {EARLY[1]:g}"
        return early, Evidence("|Δw|/|w|", early, healthy=healthy, steps="first 20 steps")
    return usual, Evidence("|Δw|/|w|", usual, healthy=f"{USUAL[0]:g} to {USUAL[1]:g}", steps="usually")


def _harm(fit: Fit) -> tuple[str, float] | None:
    """What the loss shows of it, and how sure that makes."""
    early, usual = fit.early_update, fit.usual_update
    start = max(fit.first_loss, fit.chance or 0.0)
    if fit.diverged_at is not None:
        finite = np.abs(fit.losses[np.isfinite(fit.losses)])
        ran_away = len(finite) > 1 and finite.max() > RAN_AWAY * max(finite[0], 1e-12)
        return (f"the loss is NaN from step {fit.diverged_at}", 0.8) if ran_away or not early < LARGE_STEP else None
    if start <= 0 or not math.isfinite(start):
        return None
    if fit.last_loss > RISEN * start and (early > OVERSHOOTING or usual > OVERSHOOTING):
        return "the loss ends far above its start", 0.85
    if fit.gain < AT_CHANCE and early > LARGE_STEP and fit.had_time and (fit.chance is not None or _lamed(fit)):
        return "the loss stays where a constant answer would be", 0.82
    if fit.chance is None:
        return None
    if fit.gain < UNFINISHED and fit.had_time and usual > OVERSHOOTING and _leaps(fit):
        return "the loss leaps about at a high level", 0.75
    if fit.gain < UNFINISHED and fit.had_time and usual > OVERSHOOTING and _is_thrown(fit):
        return "the loss comes less than half of the way to 0", 0.75
    return None


def _is_thrown(fit: Fit) -> bool:
    """Whether five steps at the start take the middle weight matrix further than its own size."""
    return float(np.nansum(np.median(fit.updates[:AT_START], axis=1))) > THROWN


def _leaps(fit: Fit) -> bool:
    """Whether the tail of the loss swings by a good part of its own level, up and down in turn."""
    tail = fit.tail
    changes = np.diff(tail)
    turns = np.mean(np.sign(changes[1:]) != np.sign(changes[:-1])) if len(changes) > 2 else 0.0
    noise = math.sqrt(2 / fit.examples) if fit.examples else 0.0
    return bool(np.std(tail) > max(SWING, noise) * np.mean(tail) and turns > TURNS)


def _lamed(fit: Fit) -> bool:
    """Whether most units of a hidden layer ended dead or saturated."""
    return any(
        float(np.nanmedian(series.column()[-5:])) > LAMED
        for quantity in ("dead_share", "saturated_share")
        for number, series in fit.measured(quantity)
        if not fit.network.is_output(number) and np.isfinite(series.column()[-5:]).any()
    )


def _rate(fit: Fit) -> float | None:
    rates = [float(np.nanmax(series.values)) for series in fit.rates.values() if series]
    return max(rates) if rates else None


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if math.isfinite(ratio) else "many times"


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A tenth of the rate, and a tenth of that."""
    return scaled(
        signals, finding.where, "lr", "lower the learning rate to", (0.1, 0.01, 0.001), _rate(signals.longest)
    )

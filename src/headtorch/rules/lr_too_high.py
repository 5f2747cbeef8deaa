"""Steps overshoot: the loss fluctuates at a high level, diverges, or kills units.

Why learning fails: a step of size lr along the gradient lowers the loss only where lr is below 2 over the curvature.
Above that each step lands higher on the other side of the valley. Far above, one step throws the weights to where
sigmoids are flat and ReLUs are zero, and no gradient leads back.

Measured: how far one step moves the weights beside their own size, |dw|/|w|: about 1e-3 is usual for weights that learn
(Karpathy, CS231n), and one step that moves most of a network by more than a tenth leaves little of its initialisation.
Told only when the loss shows it too: NaN, far above its start, still at chance, or leaping about.

Fix: divide the rate by ten, and again, until the loss falls from the first steps on.

Ignore it in the first steps of a warm restart that recovers.
"""

import math
from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
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
    "constant-predictions",
)
LARGE_STEP = 0.1  # |dw|/|w|: a hundred times the usual 1e-3
RAN_AWAY = 100.0  # times the first loss, before it became NaN
OVERSHOOTING = 0.03  # while a loss still leaps about late in training


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose steps are large and whose loss shows the harm."""
    for fit in signals.fits:
        if fit.steps < 3 or not fit.updates.size:
            continue
        harm = _harm(fit)
        if harm is None:
            continue
        what, confidence = harm
        rate = _rate(fit)
        step = float(np.nanmax([fit.early_update, fit.usual_update]))
        yield Finding(
            rule="lr-too-high",
            severity="error",
            message=f"one step moves the weights by {_times(step)} their own size, and {what}",
            where=signals.rate_place(fit),
            saw=(
                Evidence("|Δw|/|w|", step, healthy="1e-4 to 1e-2", steps="the first 20 looked at"),
                *((Evidence("learning rate", rate),) if rate is not None else ()),
                fit.seen_loss,
                *((Evidence("loss of a constant answer", fit.chance),) if fit.chance else ()),
            ),
            help="lower the learning rate: a tenth of it first, then a tenth again",
            label="this learning rate",
            confidence=confidence,
        )


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
    if fit.last_loss > 2 * start and (early > OVERSHOOTING or usual > OVERSHOOTING):
        return "the loss ends far above its start", 0.85
    if fit.gain < 0.1 and early > LARGE_STEP and (fit.chance is not None or _lamed(fit)):
        return "the loss stays where a constant answer would be", 0.82
    if fit.chance is None:
        return None
    if fit.gain < 0.5 and usual > OVERSHOOTING and _leaps(fit):
        return "the loss leaps about at a high level", 0.75
    return None


def _leaps(fit: Fit) -> bool:
    """Whether the tail of the loss swings by half its own level, up and down in turn."""
    tail = fit.tail
    changes = np.diff(tail)
    turns = np.mean(np.sign(changes[1:]) != np.sign(changes[:-1])) if len(changes) > 2 else 0.0
    return bool(np.std(tail) > 0.2 * np.mean(tail) and turns > 0.3)


def _lamed(fit: Fit) -> bool:
    """Whether most units of a hidden layer ended dead or saturated."""
    return any(
        float(np.nanmedian(series.column()[-5:])) > 0.7
        for quantity in ("dead_share", "saturated_share")
        for number, series in fit.measured(quantity)
        if not fit.network.is_output(number) and np.isfinite(series.column()[-5:]).any()
    )


def _rate(fit: Fit) -> float | None:
    rates = [float(np.nanmax(series.values)) for series in fit.rates.values() if series]
    return max(rates) if rates else None


def _times(ratio: float) -> str:
    return f"{ratio:.2g} times" if math.isfinite(ratio) else "many times"

"""Steps are too small: the loss is flat when its axis is read.

Why learning fails: a step lowers the loss by about `ΔL ≈ −lr·|g|²`. A loss that falls from 1.0986 to 1.0979 draws the
same slope on its own axis as one that falls to 0: read the numbers.

Measured: how far the weights have gone in the whole training beside their own size, as the sum of |Δw|/|w| over the
steps. Told where the usual step is small and they went less than half of it, the loss came less than a quarter of
the way, and was still falling at the end or never moved; or where the loss creeps down from tenth to tenth of the
training without having come anywhere. Of Adam, whether its epsilon is far above the size of the gradients, beside which
it is to be nothing (Kingma & Ba, 2015). A phase is not judged when a later one trains the same weights on, nor one of
several rates that are tried out, of which another did better.

Healthy: about 1 or more from a random start. Measured over 119 healthy trainings: 0.58 to 10 in 9 of 10, 2.5 in the
middle; a usual step of less than 1e-3 in two. A short way in large steps is a short training, not a low rate. Loaded
weights are to stay near where they are: they are given the steps in which healthy ones would have gone that way.

Fix: ten times the rate, and again, until the loss falls visibly in the first steps; or `Adam(model.parameters())`,
whose steps do not shrink with the gradient.

Ignore it when weights that were loaded are to stay near where they are, as in fine-tuning.
"""

import math
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace, set_value
from headtorch.model import Change, Evidence, Finding
from headtorch.remedies import callee, largest_rate, scaled, this_number
from headtorch.signals import Fit, Signals

FAMILY = "the step"
LEADS_TO = ("capacity-too-small",)
SHORT_WAY = 0.5  # of the weights' own size in the whole training: 113 of 118 healthy ones go further
LITTLE = 0.25  # of the way from chance to 0: 115 of 118 healthy trainings come further
AT_CHANCE = 0.1  # of that way: 117 of 118 come further
NOTHING = 0.05  # of that way: 117 of 118 come further
LEARNED = 0.5  # of that way: 112 of 118 come further
LONG = 100  # steps: what is still falling after fewer may just have begun
BY_SIZE = ("Adam", "AdamW", "NAdam", "RAdam", "Adamax")  # optimizers that divide by the size of the gradient
USUAL_EPSILON = 1e-3  # of small models in half precision; the default is 1e-8
FAR_ABOVE = 10.0  # times the size of the gradients: a tenth of what it is to divide by is left of it
NO_WAY = 0.1  # of the weights' own size: one of 118 healthy trainings goes no further
CREPT = 2.0  # times their size, in small steps that undo each other: 83 of 118 healthy trainings go further
CREEPING = 1e-3  # |dw|/|w|: the usual size of a step that learns; 117 of 119 healthy trainings take larger ones
SLOWEST = 0.0016  # |dw|/|w|: 19 of 20 healthy trainings take larger ones
TWO_DIGITS = 0.01  # smaller shares are shown as powers of ten
ENOUGH = 10  # steps, one for each tenth of the training
FLAT = 0.05  # of the first loss: a smaller fall is the noise of batches
PACE = 0.2  # of the early fall: an exponential that falls so late is less than 3.2 time constants old
STEADY = 0.8  # of nine tenths to the next: by chance 8 or more of 9 fall in 2 % of cases


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that went a short way, gained little, and has not come to rest after a fall."""
    for fit in signals.fits:
        if fit.steps < ENOUGH or not fit.updates.size or not math.isfinite(fit.gain):
            continue
        if signals.continued(fit) or signals.outdone(fit):
            continue
        yield from _large_epsilon(signals, fit)
        if not fit.usual_update < CREEPING or (fit.trained_before.any() and fit.steps < SHORT_WAY / SLOWEST):
            continue
        short = fit.distance < SHORT_WAY and fit.gain < LITTLE and _unfinished(fit)
        creeping = fit.distance < CREPT and fit.gain < NOTHING and _falls_steadily(fit)
        if not short and not creeping:
            continue
        rates = [float(np.nanmax(series.values)) for series in fit.rates.values() if series]
        yield Finding(
            rule="lr-too-low",
            severity="error" if fit.gain < AT_CHANCE else "warning",
            message=f"the weights went {_share(fit.distance)} of their own size in {fit.steps:,} steps, "
            "and the loss hardly fell",
            where=signals.rate_place(fit),
            saw=(
                Evidence("sum of |Δw|/|w|", fit.distance, healthy="about 1 or more from a random start"),
                *((Evidence("learning rate", max(rates)),) if rates else ()),
                fit.seen_loss,
                *((Evidence("loss of a constant answer", fit.chance),) if fit.chance else ()),
            ),
            help="raise the learning rate: ten times first, then ten times again; or use Adam",
            label=this_number(signals, signals.rate_place(fit), "learning rate"),
            confidence=0.8 if fit.distance < NO_WAY else 0.7,
        )


def _large_epsilon(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where what Adam adds to the size of the gradient is far larger than that: then its step shrinks with
    the gradient, and the rate is that of plain descent, lr / eps."""
    norms = fit.series("grad_norm")
    sizes = np.array([math.prod(parameter.shape) for parameter in fit.parameters], float)
    for optimizer in fit.followed_by:
        epsilon = max((float(group.get("eps") or 0) for group in optimizer.groups), default=0.0)
        known = bool(norms) and norms.values.shape[1] == len(sizes) and fit.chance is not None
        if optimizer.kind not in BY_SIZE or epsilon < USUAL_EPSILON or not known:
            continue
        usual = float(np.nanmedian(norms.values[:, fit.moved] / np.sqrt(sizes[fit.moved])))
        if not 0 < usual * FAR_ABOVE < epsilon or fit.steps < LONG or fit.gain > LEARNED or not _unfinished(fit):
            continue
        yield Finding(
            rule="lr-too-low",
            severity="error" if fit.gain < AT_CHANCE else "warning",
            message=f"the epsilon of {optimizer.kind} is {epsilon / usual:.0f} times the size of the gradients: "
            "the steps shrink with them",
            where=signals.places.argument(optimizer.made_at, "eps"),
            saw=(
                Evidence("epsilon", epsilon, healthy="well below the size of the gradients"),
                Evidence("root mean square of a gradient", usual),
                fit.seen_loss,
            ),
            help="leave out `eps`, which is 1e-8 then; or raise the learning rate by as much",
            label="this epsilon",
            confidence=0.86,
        )


def _unfinished(fit: Fit) -> bool:
    """Whether the loss was still on its way: the second half fell at a fifth of the first half's pace or more, or
    never fell."""
    half = fit.steps // 2
    smooth = [float(np.median(part)) for part in np.array_split(fit.losses, min(10, fit.steps))]
    first, second = smooth[0] - smooth[len(smooth) // 2], smooth[len(smooth) // 2] - smooth[-1]
    total = smooth[0] - smooth[-1]
    return half > 0 and (total < FLAT * abs(smooth[0]) or second > PACE * first)


def _falls_steadily(fit: Fit) -> bool:
    """Whether the loss fell from each tenth of the training to the next, the last ones as much as the first."""
    tenths = np.array([float(np.mean(part)) for part in np.array_split(fit.losses, 10)])
    falls = -np.diff(tenths)
    return bool((falls > 0).mean() > STEADY and falls[-3:].sum() > PACE * falls[:3].sum())


def _share(distance: float) -> str:
    return f"{distance:.2g}" if distance >= TWO_DIGITS else f"{distance:.1e}"


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Ten times the rate, and ten times that; else Adam."""
    fit = signals.longest
    for optimizer in fit.followed_by:
        made = signals.places.call_at(optimizer.made_at[0]) if optimizer.made_at else None
        given = made is not None and any(keyword.arg == "eps" for keyword in made.keywords)
        if given and finding.where is not None and finding.where == signals.places.argument(optimizer.made_at, "eps"):
            yield Change("set epsilon to 1e-8", (set_value(finding.where, "1e-8"),))
            return
    factors = (10.0, 100.0, 1000.0, 10_000.0)
    yield from scaled(signals, finding.where, "lr", "raise the learning rate to", factors, largest_rate(fit))
    for optimizer in fit.followed_by[-1:]:
        name = callee(signals, optimizer.made_at[0]) if optimizer.made_at else None
        if name and name.endswith("SGD"):
            code = f"{name.removesuffix('SGD')}Adam({{0}}, lr=0.01)"
            yield Change("use Adam", (replace(optimizer.made_at[0], code),))

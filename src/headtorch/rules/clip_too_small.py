"""Gradient clipping leaves next to nothing of each step.

Why learning fails: clipping to norm c makes every longer gradient c long, `g ← g · min(1, c / |g|)`. With plain SGD a
step is then at most `lr · c`, whatever the gradient: a c of a hundredth of the usual norm is a learning rate of a
hundredth. Clipping each element to c leaves at most `c·√n` of n elements. Adam divides by the size of the gradient
and does not mind either.

Measured: the norm of the gradients before clipping beside the limit, or beside what is left of it where the elements
are clipped and most of those that are not 0 are above the limit; how many steps are clipped, and how far the weights
went in all, and would have gone unclipped. A clamp by hand, as in a hook, shows in gradients whose elements are all of
one size, step after step: the largest root mean square among the parameters stays the same to two percent. One after
backward shows where plain steps are far shorter than the rate times the gradient, and the source calls something in
between that limits.

Healthy: a limit of half to ten times the usual norm (Pascanu et al., 2013), which cuts a few steps only. Told where a
tenth of that half, 5 %, is left of a usual gradient, 9 in 10 steps are clipped, and the weights went less than their
own size: measured over 119 healthy trainings, 107 went further.

Fix: a limit near the usual norm, so that only the rare large gradients are cut:
`clip_grad_norm_(model.parameters(), 1.0)`; for elements, a limit far above their usual size.

Ignore it when a small limit is paired with a large rate on purpose, as in steps of a fixed length (normalised
gradients), or with noise for privacy.
"""

import ast
import math
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.trees import called, nodes
from headtorch.remedies import valued
from headtorch.signals import Fit, Signals
from headtorch.store.run import Series

FAMILY = "the step"
LEADS_TO = ("lr-too-low", "lr-schedule-kills", "capacity-too-small", "vanishing-gradients")
CLIPS = (("clip", "max_norm"), ("clip_value", "clip_value"))  # the quantity, and the argument that is the limit
CUT = 0.05  # what is left of a usual gradient: a tenth of the smallest limit that still works, Pascanu et al. (2013)
NEARLY_ALL = 0.9  # of the steps: a limit that is met now and then is what clipping is for
MOST = 0.5  # of the elements: where fewer are above the limit, the others move as they would; of the parameters
SHORT_WAY = 1.0  # of the weights' own size in the whole training: 107 of 118 healthy ones go further
LEARNED = 0.9  # of the way from chance to 0: what came so far was not held back
SAME = 0.02  # of the limit: in 125 trainings with varying batches, at most 18 % of the steps are so near the middle one
NEAR = 0.05  # of the limit: the number in the source, beside a root mean square in which a few elements are smaller
MANY = 16  # elements: the gradient of a single one, as of a critic's last bias, may well be the same at each step
ENOUGH = 20  # looked-at steps: fewer could be alike by chance
LIMITS = ("clip", "clamp", "clamp_min", "clamp_max", "minimum", "min", "renorm")
SCALE_FREE = ("Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adamax", "Adadelta", "Rprop", "Adafactor")


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose usual gradient is cut to a small part, by an optimizer that minds."""
    for fit in signals.fits:
        if any(optimizer.kind in SCALE_FREE for optimizer in fit.followed_by):
            continue
        for quantity, argument in CLIPS:
            clips = fit.series(quantity)
            if not clips or fit.gain > LEARNED:
                continue
            left, cut = _left(clips), float(np.mean(clips.column(0) > clips.column(1)))
            if left > CUT or cut < NEARLY_ALL or not fit.distance < SHORT_WAY or not fit.had_time:
                continue
            if fit.distance < left * SHORT_WAY:  # nor would they go far unclipped: their rate is too low
                continue
            norm, limit = float(np.nanmedian(clips.column())), float(clips.values[-1, -1])
            saw = Evidence("norm of the gradient", norm, healthy=f"near the limit of {limit:g}")
            what, better = "", "about"
            if quantity == "clip_value":
                above = float(np.nanmedian(clips.column(2)))
                if not above > MOST:
                    continue
                saw = Evidence("elements above the limit", f"{above:.0%}", healthy="a few")
                what, better = "each element ", "some times the usual size of an element,"
            yield Finding(
                rule="clip-too-small",
                severity="error",
                message=f"clipping {what}to {limit:g} leaves {left:.1%} of a usual gradient",
                where=_place(signals, fit, quantity, argument),
                saw=(
                    saw,
                    Evidence("steps that are clipped", f"{cut:.0%}", healthy="a few"),
                    Evidence("sum of |Δw|/|w|", fit.distance, healthy="about 1 or more from a random start"),
                    fit.seen_loss,
                ),
                help=f"raise the limit to {better} {limit / left:.2g}",
                label="this limit",
                confidence=0.9,
            )
        if not any(fit.series(quantity) for quantity, _ in CLIPS):
            yield from _by_hand(signals, fit)
            yield from _after_backward(signals, fit)


def _by_hand(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where the elements of the gradients are all of one size, because something clamps them."""
    limit = _limit(fit)
    if limit is None or fit.gain > LEARNED or not fit.distance < SHORT_WAY or not fit.had_time:
        return
    yield Finding(
        rule="clip-too-small",
        severity="error",
        message=f"something clamps each element of the gradients to {limit:.3g}, and most are larger",
        where=next((place for place, _ in _clamps(signals, limit)), fit.objective.backward_at),
        saw=(
            Evidence(
                "root mean square of a gradient", limit, healthy="another one at each step", steps="all looked at"
            ),
            Evidence("sum of |Δw|/|w|", fit.distance, healthy="about 1 or more from a random start"),
            fit.seen_loss,
        ),
        help="raise the limit to some times the usual size of an element, or leave it out",
        label="this limit",
        confidence=0.9,
    )


def _after_backward(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where plain steps are far shorter than the rate times the gradient that backward left: something cuts
    the gradient in between."""
    kinds = {optimizer.kind for optimizer in fit.followed_by}
    stepped = fit.series("loss").values[:, -1].mean() if fit.steps else 0.0
    if kinds != {"SGD"} or signals.run.events("grad_scaler") or stepped < NEARLY_ALL:
        return  # a scaled loss is unscaled there, and what is collected is divided
    if fit.gain > LEARNED or not fit.distance < SHORT_WAY or not fit.had_time:
        return
    ratios, weights, gradients = (fit.series(name) for name in ("update_ratio", "weight_norm", "grad_norm"))
    steps = np.intersect1d(np.intersect1d(ratios.steps, weights.steps), gradients.steps)
    if len(steps) < ENOUGH or not all(fit.rates.values()):
        return
    rates = np.min([_at(series, steps).min(axis=1) for series in fit.rates.values()], axis=0)[:, None]  # of the slowest
    changes = _at(ratios, steps) * _at(weights, steps)
    left = float(np.nanmedian((changes / (rates * _at(gradients, steps)))[:, fit.moved]))
    if not left < CUT:
        return
    backward, step = fit.objective.backward_at, fit.followed_by[-1].stepped_at
    between = signals.places.calls_between(backward, step) if backward is not None and step is not None else []
    cutting = next((place for place in between if _cuts(signals, place)), None)
    if cutting is None:
        return  # a sum that is divided, a scale that is undone
    yield Finding(
        rule="clip-too-small",
        severity="error",
        message=f"between backward and the step something leaves {left:.1%} of a usual gradient",
        where=cutting,
        saw=(
            Evidence("length of a step, beside rate times gradient", left, healthy="about 1, with momentum up to 10"),
            Evidence("sum of |Δw|/|w|", fit.distance, healthy="about 1 or more from a random start"),
            fit.seen_loss,
        ),
        help="raise the limit that the gradients are cut to, or leave it out",
        label="cuts the gradients",
        confidence=0.88,
    )


def _cuts(signals: Signals, place: Where) -> bool:
    """Whether a call, or the user's function that it calls, limits something."""
    call = signals.places.call_at(place)
    functions = [
        node
        for node in nodes(signals.places, place.file)
        if isinstance(node, ast.FunctionDef) and call is not None and node.name == called(call)
    ]
    inner = (each for code in (call, *functions) if code is not None for each in ast.walk(code))
    return any(called(each).rstrip("_") in LIMITS for each in inner if isinstance(each, ast.Call))


def _at(series: Series, steps: np.ndarray) -> np.ndarray:
    """The rows of a series at some steps; where it has none, the one before."""
    return series.values[np.maximum(np.searchsorted(series.steps, steps, side="right") - 1, 0)]


def _limit(fit: Fit) -> float | None:
    """The size that most elements of the gradients have at every looked-at step; None where they vary."""
    norms = fit.series("grad_norm")
    sizes = np.array([math.prod(parameter.shape) for parameter in fit.parameters], float)
    if len(norms.steps) < ENOUGH or norms.values.shape[1] != len(sizes):
        return None
    many = sizes >= MANY
    if not many.any():
        return None
    largest = np.nanmax(norms.values[:, many] / np.sqrt(sizes[many]), axis=1)
    limit = float(np.median(largest))
    same = float(np.mean(np.abs(largest - limit) <= SAME * limit))
    # Of one batch for ever, the gradient at weights that hardly move is the same too.
    varies = float(np.median(np.abs(np.diff(fit.losses)))) > SAME * abs(float(np.mean(fit.losses)))
    alike = float(np.mean(np.median(norms.values[:, many] / np.sqrt(sizes[many]), axis=0) > MOST * limit))
    return limit if limit > 0 and same > NEARLY_ALL and varies and alike > MOST else None


def _clamps(signals: Signals, limit: float) -> Iterator[tuple[Where, list[Where]]]:
    """Where something is clamped to that number, with the places where it is written, with a minus before it or not."""
    for file in signals.run.sources:
        for call, place in signals.places.calls(file, "clamp", "clamp_", "clip", "clip_"):
            given = [
                each.operand if isinstance(each, ast.UnaryOp) else each
                for each in (*call.args, *(keyword.value for keyword in call.keywords))
            ]
            at = [signals.places.where(file, each) for each in given if isinstance(each, ast.Constant)]
            at = [w for w in at if abs((signals.places.number_at(w) or 0) / limit - 1) < NEAR]
            if at:
                yield place, at


def _left(clips: Series) -> float:
    """What clipping leaves of a usual gradient."""
    return float(np.nanmedian(clips.column(1) / np.maximum(clips.column(0), 1e-30)))


def _place(signals: Signals, fit: Fit, quantity: str, argument: str) -> Where | None:
    for event in signals.run.events(quantity):
        if event.value["objective"] == fit.objective.id:
            stack = tuple(Where(**where) for where in event.value["where"])
            return signals.places.argument(stack, argument, position=1)
    return fit.objective.backward_at


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The usual limit, what the gradients usually have, and their middle."""
    for limit in (limit for fit in signals.fits if (limit := _limit(fit)) is not None):
        for place, numbers in _clamps(signals, limit):
            if place == finding.where:
                yield Change("raise the limit to 1", tuple(replace(number, "1.0") for number in numbers))
                return
    for fit in signals.fits:
        for quantity, argument in CLIPS:
            clips = fit.series(quantity)
            if not clips or _place(signals, fit, quantity, argument) != finding.where:
                continue
            usual = float(clips.values[-1, -1]) / _left(clips)
            values = (1.0, float(f"{usual:.1g}"), float(f"{usual**0.5:.1g}"))
            yield from valued(signals, finding.where, argument, "raise the limit to", list(dict.fromkeys(values)))
            return

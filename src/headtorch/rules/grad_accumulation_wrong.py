"""Accumulated gradients are not scaled, or are applied too seldom or too often.

Why learning fails: k backward passes add up to `g = Σⱼ ∇Lⱼ = k·mean(∇Lⱼ)`: k times the step that the rate was chosen
for, unless each loss is divided by k, and a k-th of it where two places divide. Reset before each pass, only the last
k-th of the data counts; applied at each pass but reset at every k-th, each gradient is applied up to k times; and a k
that is too large leaves too few steps.

Measured: how many backward passes come before each step, what is in the gradients when each of them begins, how the
gradients of a step stand to those of its last pass, and the factor before the loss, from the graph. A sum is an error
only where steps are long and the loss is bad; few steps, only where the weights stay near their start.

Healthy: gradients kept between the passes of one step and reset after it, and a factor of 1/k (derivation). Measured
over 119 healthy trainings: half have usual steps |Δw|/|w| below 0.01, and 95 % go further than 0.58 in all.

Fix: divide by the number of passes, `(loss / k).backward()`, and call `optimizer.step()` and `optimizer.zero_grad()`
together, `if (i + 1) % k == 0:`.

Ignore it when the sum is meant and the learning rate was chosen for it.
"""

import ast
import math
from collections.abc import Iterator

import numpy as np

from headtorch.changes import delete, insert_after, insert_before, replace, text_at
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.remedies import source_of, valued
from headtorch.signals import Fit, Signals

FAMILY = "the step"
LEADS_TO = (
    "no-zero-grad",
    "lr-too-high",
    "lr-too-low",
    "capacity-too-small",
    "vanishing-gradients",
    "exploding-gradients",
    "overfitting",
    "momentum-too-high",
)
# These divide a gradient by its own size, so that a factor before the loss cancels.
ADAPTIVE = ("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Rprop", "Muon", "Adafactor")
USUAL = 0.01  # |dw|/|w|: half of 119 healthy trainings usually take shorter steps, which do not overshoot
FAR = 0.3  # of their size, as a sum of |dw|/|w|: 95 % of healthy trainings go further than 0.58 in all
EARLY = 100  # steps, while each is looked at
MANY = 8  # backward passes a step: fewer do not turn enough steps into too few
NEARLY_ALL = 0.9  # of the passes that find nothing kept: 1 where each resets, less a few odd ones at epochs' ends
MOST = 0.5  # of the passes: 0 find nothing kept where gradients are collected, and 1 where each resets
SAME = 0.999  # cosine: 1 where a step takes its last pass alone, less for a sum that is collected elsewhere
SUMMED = 1.5  # times the mean: between 1, a mean, and 2, the smallest sum
AS_LONG = 0.9  # of what the passes left: 1 where nothing divides or clips the gradients before the step
USED = 0.4  # of the steps: a reset at each second leaves used gradients at 1 in 2, at each k-th at (k - 1) / k
EXACT = 0.01  # of a division: a factor that is a power of the number of passes is that by rounding only
UNFINISHED = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose gradients are collected wrongly."""
    for fit in signals.fits:
        if _in_closure(fit):
            continue
        if (finding := _applied_too_often(signals, fit)) is not None:
            yield finding
        passes = _passes_a_step(fit)
        if passes < 2 or fit.steps < 3 * passes:
            continue
        applied = fit.series("applied_grad")
        cosine, ratio = np.nanmedian(applied.values, axis=0) if applied else (np.nan, np.nan)
        kept = fit.series("kept_grad_norm").column()
        seen = Evidence("backward passes a step", float(passes))
        if len(kept) > 2 and np.mean(kept == 0) > NEARLY_ALL and cosine > SAME:
            yield _reset_too_often(signals, fit, passes, seen)
        elif len(kept) > 2 and np.mean(kept == 0) < MOST:
            finding = _unscaled(fit, passes, float(ratio), seen) or _divided_twice(fit, passes, seen)
            if finding is not None:
                yield finding
            elif passes >= MANY and fit.gain < UNFINISHED and fit.distance < FAR <= fit.distance * passes:
                yield _too_seldom(signals, fit, passes, seen)


def _in_closure(fit: Fit) -> bool:
    """Whether the optimizer calls backward itself, and as often as it wants: LBFGS, SAM."""
    lines = {(where.file, where.line) for where in fit.objective.stack}
    stepped = [o.stepped_at for o in fit.followed_by if o.stepped_at is not None]
    return any((where.file, where.line) in lines for where in stepped)


def _passes_a_step(fit: Fit) -> int:
    """How many backward passes come before a step, mostly."""
    after = np.flatnonzero(fit.series("loss").values[:, -1] > 0)
    return int(np.median(np.diff(after))) if len(after) > 2 else 0


def _applied_too_often(signals: Signals, fit: Fit) -> Finding | None:
    """A reset that comes at every k-th step only: told from a missing one by its condition in the source."""
    backward, stale, losses = fit.objective.backward_at, fit.series("stale_grad_norm"), fit.series("loss")
    reset = backward and _reset(signals, backward)
    if reset is None or signals.places.condition_around(reset) is None or _passes_a_step(fit) != 1:
        return None
    looked = set(fit.series("grad_norm").steps[:EARLY].tolist())
    after_step = [int(s) for s in losses.steps[losses.values[:, -1] > 0] if int(s) in looked]
    used = {int(s) for s, row in zip(stale.steps, stale.values, strict=True) if (row > 0).any()}
    resets = [position for position, step in enumerate(after_step) if step not in used]
    stepped = fit.followed_by[-1].stepped_at if fit.followed_by else None
    every = int(np.median(np.diff(resets))) if len(resets) > 2 else 0
    left = 1 - len(resets) / max(len(after_step), 1)
    if stepped is None or every < 2 or left < USED:
        return None
    return Finding(
        rule="grad-accumulation-wrong",
        severity="error",
        message=f"a step at each backward pass, and a reset at every {every}th: gradients are applied up to {every}x",
        where=stepped,
        saw=(
            Evidence("steps that begin with used gradients", f"{left:.0%}", healthy="0 %"),
            fit.seen_loss,
        ),
        help="step where the gradients are reset, under the same condition",
        label="applies gradients that are not reset after it",
        confidence=0.98,
    )


def _reset_too_often(signals: Signals, fit: Fit, passes: int, seen: Evidence) -> Finding:
    backward = fit.objective.backward_at
    return Finding(
        rule="grad-accumulation-wrong",
        severity="error",
        message=f"of {passes} backward passes a step, all but the last are thrown away: gradients are reset between",
        where=(backward and _reset(signals, backward)) or backward,
        saw=(
            seen,
            Evidence("gradient kept from pass to pass", "0 %", healthy="100 %"),
            fit.seen_loss,
        ),
        help="reset the gradients after each step, not before each backward pass",
        label="throws away what no step has used",
        confidence=0.97,
    )


def _unscaled(fit: Fit, passes: int, ratio: float, seen: Evidence) -> Finding | None:
    """Sums of mean losses: an error where the steps are long and the training is bad, else worth knowing."""
    scale, mean = fit.scale, fit.loss is not None and fit.loss.reduction == "mean"
    if not mean or scale * passes < SUMMED or ratio < AS_LONG or fit.held_by_any(ADAPTIVE):
        return None
    moves = fit.updates[(fit.updates > 0).any(axis=1)]  # between two steps, nothing moves
    length = float(np.median(moves[:20])) if len(moves) else float("nan")
    bad = (fit.diverged_at is not None or fit.gain < UNFINISHED) and not length < USUAL
    return Finding(
        rule="grad-accumulation-wrong",
        severity="error" if bad else "note",
        message=f"each step follows the sum of {passes} mean gradients, {scale * passes:.3g}x their mean",
        where=fit.objective.backward_at,
        saw=(
            seen,
            Evidence("factor of the loss", scale, healthy=f"{1 / passes:.3g}"),
            Evidence("|Δw|/|w|", length, healthy="1e-4 to 1e-2"),
            fit.seen_loss,
        ),
        help=f"divide the loss by the {passes} passes before this line",
        label="adds mean gradients up",
        confidence=0.87 if bad else 0.6,
    )


def _divided_twice(fit: Fit, passes: int, seen: Evidence) -> Finding | None:
    """Means that are divided by the number of passes more than once: an error where the weights get nowhere."""
    mean = fit.loss is not None and fit.loss.reduction == "mean"
    times = -math.log(fit.scale) / math.log(passes) if mean and fit.scale > 0 else 0.0
    if round(times) < 2 or abs(times - round(times)) > EXACT or fit.held_by_any(ADAPTIVE):
        return None
    bad = fit.gain < UNFINISHED
    return Finding(
        rule="grad-accumulation-wrong",
        severity="error" if bad else "warning",
        message=f"each of {passes} losses is divided by {passes} more than once: "
        f"steps are {passes ** (round(times) - 1)} times too short",
        where=next(_divisions(fit, passes), fit.objective.backward_at),
        saw=(
            seen,
            Evidence("factor of the loss", fit.scale, healthy=f"{1 / passes:.3g}"),
            fit.seen_loss,
        ),
        help=f"divide each loss by {passes} once",
        label="divides what is divided again",
        confidence=0.9,
    )


def _divisions(fit: Fit, passes: int) -> Iterator[Where]:
    """The places that divide the loss by the number of passes."""
    for node in fit.network.nodes[fit.loss.node + 1 :] if fit.loss is not None else ():
        factor = abs(float(node.detail.get("factor", 1.0)))
        if node.where is not None and abs(factor * passes - 1) < EXACT:
            yield node.where


def _too_seldom(signals: Signals, fit: Fit, passes: int, seen: Evidence) -> Finding:
    backward = fit.objective.backward_at
    stepped = fit.followed_by[-1].stepped_at if fit.followed_by else None
    return Finding(
        rule="grad-accumulation-wrong",
        severity="error",
        message=f"{fit.steps:,} backward passes make {fit.steps // passes} steps, too few to get anywhere",
        where=(stepped and signals.places.condition_around(stepped)) or stepped or backward,
        saw=(
            seen,
            Evidence("way of the weights in all", fit.distance, healthy=f"above {FAR} of their size"),
            fit.seen_loss,
        ),
        help="step after fewer backward passes",
        label="is true too seldom",
        confidence=0.84,
    )


def _reset(signals: Signals, backward: Where) -> Where | None:
    """The call of zero_grad nearest to a backward pass."""
    calls = [place for _, place in signals.places.calls(backward.file, "zero_grad")]
    return min(calls, key=lambda place: abs(place.line - backward.line), default=None)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A reset behind each step and nowhere else, the mean of the passes, or fewer of them."""
    fit, where = signals.longest, finding.where
    backward = fit.objective.backward_at
    stepped = fit.followed_by[-1].stepped_at if fit.followed_by else None
    reset = _reset(signals, backward) if backward is not None else None
    if where is None or backward is None:
        return
    if reset is not None and where == stepped:
        step = text_at(signals.run.sources, stepped)
        yield Change("step where the gradients are reset", (delete(stepped), insert_before(reset, step)))
    elif where == reset and stepped is not None:
        code = text_at(signals.run.sources, reset)
        yield Change("reset the gradients after each step", (delete(reset), insert_after(stepped, code)))
    elif where == backward:
        edits = (replace(where, f"({{self}} / {_passes_a_step(fit)}).backward()"),)
        yield Change("follow the mean of the passes", edits, alters_loss=True)
    elif where in _divisions(fit, _passes_a_step(fit)):
        for ratio in signals.places.nodes_at(Where(where.file, where.line), ast.BinOp):
            if isinstance(ratio.op, ast.Div):
                edits = (replace(signals.places.where(where.file, ratio), source_of(signals, where, ratio.left)),)
                yield Change("divide the loss once", edits, alters_loss=True)
    for test in signals.places.nodes_at(where, ast.Compare):
        for node in ast.walk(test.left):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                every = signals.places.where(where.file, node.right)
                every = signals.places.written(where.file, node.right, (where,)) or every
                passes = _passes_a_step(fit)
                values = sorted({max(1, passes // share) for share in (10, 100)}, reverse=True)
                yield from valued(signals, every, "passes", "step after a number of passes of", values)

"""The number format swallows the updates.

Why learning fails: bfloat16 keeps 8 bits of a number, so that `1 + 0.001 = 1`: an update below about `|w| / 256` is
rounded away, however often it is repeated. float16 keeps 11 bits and loses updates below about |w| / 2048.

Measured: |Δw|/|w| and the share of updates that are exactly 0, for weights in half precision that the optimizer holds
itself, when the loss came less than 0.6 of the way from chance to 0; and up to 0.95 of it, as a warning, the share of a
weight's values that have a gradient and stay as they were, over the second half of the training. In the source, whether
a moving average of the weights is kept in half precision.

Healthy: a usual step above 1/256, hardly an update of 0, and fewer than half of the values left as they were
(derivation, from the format; Micikevicius et al., 2018, keep a copy of the weights in float32 for this reason).
Measured over 119 healthy trainings, the usual step is 0.0016 to 0.023 in 9 of 10: in bfloat16 a good part of that is
lost.

Fix: keep the weights and the optimizer's state in float32, `model.float()`, and compute in half precision with
`torch.autocast("cuda", dtype=torch.bfloat16)`.

Ignore it when the optimizer rounds at random or keeps a float32 copy of the weights itself.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.averages import kept_in_half
from headtorch.places.trees import called
from headtorch.signals import Fit, Signals
from headtorch.slip import Slip, slipped

FAMILY = "the step"
LEADS_TO = (
    "lr-too-low",
    "vanishing-gradients",
    "capacity-too-small",
    "no-optimizer-step",
)
HALVES = ("float16", "bfloat16")
TOLD_APART = 2**-8  # of a weight: half of the step from 1 to the next bfloat16
STILL = 0.1  # of the updates: 117 of 119 healthy trainings have fewer that change nothing
MOST = 0.5  # of the values of the weights: most of what the optimizer asks for does not happen
FITTED = 0.95  # of the way from chance to 0: what is lost is not missed
LEARNED = 0.6  # of the way from chance to 0: 107 of 118 healthy trainings come further

AVERAGE = Slip(
    kept_in_half,
    "a moving average of the weights is kept in half precision: the small part that each step adds is rounded away",
    ("format of the average", "half precision", "float32"),
    help="keep the average in float32",
    label="in half precision",
    confidence=0.88,
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit with weights in half precision that learns little."""
    yield from slipped("precision-too-low", signals, AVERAGE)
    for fit in signals.fits:
        stepped = fit.optimized if fit.followed_by else np.ones(len(fit.parameters), bool)  # no copy in float32
        half = [p for p, steps in zip(fit.parameters, stepped, strict=False) if steps and p.dtype in HALVES]
        if not half or not fit.gain < FITTED or fit.diverged_at is not None or not fit.updates.size:
            continue
        still, lost = float(np.mean(fit.updates == 0)), _lost(fit)
        usual = fit.usual_update
        if not (lost > MOST or (fit.gain < LEARNED and (still >= STILL or usual <= TOLD_APART))):
            continue
        yield Finding(
            rule="precision-too-low",
            severity="error" if fit.gain < LEARNED else "warning",
            message=f"{len(half)} weights are {half[0].dtype}, and updates of {usual:.1e} of their size "
            "are rounded away",
            where=signals.half_place() or fit.objective.backward_at,
            saw=(
                Evidence("|Δw|/|w|", usual, healthy="above 1/256, what bfloat16 can tell apart"),
                Evidence("steps that leave a weight as it was", f"{still:.0%}", healthy="0 %"),
                *(
                    (Evidence("values a step leaves as they were", f"{lost:.0%}", healthy="0 %"),)
                    if lost > MOST
                    else ()
                ),
                fit.seen_loss,
            ),
            help="keep the weights in float32 and use `torch.autocast` for the computation",
            label="in half precision",
            confidence=0.86,
        )


def _lost(fit: Fit) -> float:
    """The share of the values of the middle weight matrix that a late step leaves as they were; NaN when not seen."""
    lost = fit.series("lost_share")
    mask = fit.weights & fit.moved
    if not lost or not mask.any() or lost.values.shape[1] != len(mask):
        return float("nan")
    return float(np.nanmedian(lost.values[len(lost.steps) // 2 :, mask]))


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Weights in single precision."""
    where = finding.where
    if where is None:
        return
    for call, place in signals.places.calls(where.file, "bfloat16", "half"):
        if isinstance(call.func, ast.Attribute) and not call.args:
            yield Change("keep the weights in float32", (replace(place, "{self}.float()"),))
    moved = signals.places.call_at(where)
    if moved is not None and called(moved) == "to" and "float16" in ast.unparse(moved):
        yield Change("keep the weights in float32", (replace(where, "{self}.float()"),))
    for node in signals.places.nodes_at(where, ast.Attribute):
        if node.attr in HALVES:
            yield Change("keep the weights in float32", (replace(where, "torch.float32"),))
    for call, place in signals.places.calls(where.file, "set_default_dtype"):
        if call.args and "float16" in ast.unparse(call.args[0]):
            yield Change("keep the weights in float32", (replace(place, "torch.set_default_dtype(torch.float32)"),))

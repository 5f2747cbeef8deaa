"""The step climbs: a sign is wrong in the loss or the update.

Why learning fails: the gradient points uphill. Adding it instead of subtracting it, `w ← w + lr·g`, raises the loss
with every step, by `ΔL ≈ +lr·|g|²`.

Measured: the cosine between each update and the direction downhill, −g, the median over the parameters and the first
50 looked-at steps.

Healthy: above 0. Plain descent has 1; momentum and adaptive rates turn the step but stay above 0 on the whole; a step
that climbs has −1 (derivation). Measured over 119 healthy trainings: 0.25 to 1 in 9 of 10, −0.09 the lowest. Told
below −0.3.

Fix: subtract, `w -= lr * w.grad`; leave out the minus before the loss; `maximize=False`.

Ignore it when the climb is meant, as for the inner player of an adversarial loss or a dual variable.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace, set_operator, set_value, text_at
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.trees import called
from headtorch.remedies import source_of
from headtorch.signals import Fit, Signals, span

FAMILY = "the step"
LEADS_TO = (
    "lr-too-high",
    "exploding-gradients",
    "numeric-overflow",
    "dead-relu",
    "saturated-activations",
    "no-zero-grad",
)
UPHILL = -0.3  # half way between -1, plain climbing, and what momentum and Adam show when they descend, 0.25 or more
ENOUGH = 3  # looked-at steps: momentum may point uphill for one


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose updates point up the gradient."""
    for fit in signals.fits:
        descent = fit.series("descent")
        mask = fit.reached & fit.moved
        if not descent or not mask.any() or descent.values.shape[1] != len(mask) or len(descent.steps) < ENOUGH:
            continue
        rows = np.nanmedian(descent.values[:, mask], axis=1)
        typical = float(np.nanmedian(rows[:50]))
        if not typical < UPHILL:
            continue
        yield Finding(
            rule="update-sign-flipped",
            severity="error",
            message=f"the updates point up the gradient: the cosine with the way down is {typical:.2f}",
            where=_place(signals, fit),
            saw=(
                Evidence(
                    "cosine of the update and -gradient", typical, healthy="above 0", steps=span(descent.steps[:50])
                ),
                fit.seen_loss,
            ),
            help="subtract the gradient instead of adding it",
            label="climbs",
            confidence=0.96,
        )


def _place(signals: Signals, fit: Fit) -> Where | None:
    for optimizer in fit.followed_by:
        return signals.places.argument(optimizer.made_at, "maximize")
    backward = fit.objective.backward_at
    return signals.places.update_by_hand(backward) if backward else None


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The same update against the gradient."""
    where = finding.where
    if where is None:
        return
    text = text_at(signals.run.sources, where)
    call = signals.places.call_at(where)
    if "+=" in text:
        yield Change("go against the gradient", (set_operator(where, "-="),))
    if call is not None and called(call) in ("add_", "sub_") and isinstance(call.func, ast.Attribute):
        other = "sub_" if called(call) == "add_" else "add_"
        rest = ", ".join(source_of(signals, where, part) for part in (*call.args, *call.keywords))
        place = signals.places.where(where.file, call)
        yield Change("go against the gradient", (replace(place, f"{{self}}.{other}({rest})"),))
    for call, _ in signals.places.calls(where.file, "SGD", "Adam", "AdamW", "RMSprop"):
        for keyword in call.keywords:
            if keyword.arg == "maximize":
                edits = (set_value(signals.places.where(where.file, keyword), "False"),)
                yield Change("minimise the loss", edits)

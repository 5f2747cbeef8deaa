"""Gradients of earlier steps are added up.

Why learning fails: backward adds to what is in `.grad`. When it is not reset, step t follows the sum of all gradients
so far, `w ← w − lr·(g₁ + … + g_t)`: a momentum of 1 that never forgets, evaluated at weights long left behind. The
steps grow, and the network swings past every minimum.

Measured: what is left in the gradients when the first backward pass after an optimizer's step begins, beside what is
in them when it ends. Gradients that are collected over several backward passes before one step are not counted, nor
those of which the same part is kept at each step.

Healthy: exactly 0 (derivation: `zero_grad` leaves nothing). Told from 5 % left over on half of the looked-at steps.

Fix: `optimizer.zero_grad()` before `loss.backward()`, once for each step.

Ignore it when gradients are carried over from step to step on purpose, as a momentum of your own.
"""

import ast
from collections.abc import Iterator, Sequence

import numpy as np

from headtorch.changes import insert_before, replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.slips import twice
from headtorch.remedies import stepped_name
from headtorch.signals import Fit, Signals, span

FAMILY = "the step"
LEADS_TO = (
    "lr-too-high",
    "exploding-gradients",
    "dead-relu",
    "saturated-activations",
    "momentum-too-high",
    "vanishing-gradients",
    "numeric-overflow",
    "overfitting",
    "input-not-normalised",
)
LEFT = 0.05  # of the gradient after backward: reset ones leave exactly 0; less than this hardly turns a step
EVEN = 0.01  # of a gradient: what is kept is at most 0.99 of it, the largest momentum in use
MOST = 0.5  # of the steps that could show it: some programs reset late, or now and then carry one over


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose gradients still hold what an earlier step has used."""
    for fit in signals.fits:
        if (seen := _left_over(fit)) is None:
            continue
        shares, steps, share_of_steps = seen
        again = signals.first_slip(twice, "zero_grad")
        yield Finding(
            rule="no-zero-grad",
            severity="error",
            message="gradients of earlier steps are added up: nothing resets them between a step and the next backward",
            where=again or fit.objective.backward_at,
            saw=(
                Evidence(
                    "gradient left over", f"{np.median(shares):.0%} of the next", healthy="0 %", steps=span(steps)
                ),
                Evidence("steps that begin with it", f"{share_of_steps:.0%}", healthy="0 %"),
                fit.seen_loss,
            ),
            help="call `optimizer.zero_grad()` before this line, once for each step",
            label="resets the same ones twice" if again else "adds to the gradients of the step before",
            confidence=0.97,
        )


def _left_over(fit: Fit) -> tuple[np.ndarray, list[int], float] | None:
    """The share of each gradient that was left over, the steps where one was, and their share of all that could show
    it."""
    stale, gradient = fit.series("stale_grad_norm"), fit.series("grad_norm")
    mask = fit.optimized & fit.moved if fit.followed_by else fit.moved
    if not stale or not mask.any() or stale.values.shape[1] != len(mask):
        return None
    after = {int(step): row for step, row in zip(gradient.steps, gradient.values, strict=True)}
    losses = fit.series("loss")
    # Before the first step of an optimizer, what is in a gradient is being collected for it.
    stepped = {int(s) for s in losses.steps[losses.values[:, -1] > 0]} if fit.followed_by else set(after)
    rows = [
        (int(s), row[mask], after[int(s)][mask])
        for s, row in zip(stale.steps, stale.values, strict=True)
        if int(s) in after and int(s) in stepped
    ]
    kept = [
        float(np.linalg.norm(left) / (np.linalg.norm(after[s - 1][mask]) + 1e-30))
        for s, left, _ in rows
        if s - 1 in after
    ]
    shares = [(s, float(np.linalg.norm(left)) / (float(np.linalg.norm(now)) + 1e-30)) for s, left, now in rows]
    known = [(s, share) for s, share in shares if np.isfinite(share)]
    bad = [(s, share) for s, share in known if share > LEFT]
    # The looked-at steps on which something could be left over: all that follow a step.
    possible = int((fit.series("loss").values[:, 1] > 0).sum()) if fit.followed_by else fit.steps - 1
    looked = (len(gradient.steps) - len(shares) + len(known)) * min(1.0, possible / max(fit.steps, 1))
    if len(bad) < 2 or len(bad) < MOST * looked or _damped(kept):
        return None
    return np.array([share for _, share in bad]), [s for s, _ in bad], min(1.0, len(bad) / max(looked, 1))


def _damped(kept: Sequence[float]) -> bool:
    """Whether the same part of each gradient is kept, less than the whole: a momentum by hand. A clip multiplies too,
    but by another number at each step."""
    return len(kept) > 1 and bool(np.median(kept) < 1 - EVEN and np.ptp(np.quantile(kept, (0.1, 0.9))) < EVEN)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Gradients of zero before each backward pass, of the optimizers that step without."""
    if finding.where is not None and finding.where == twice(signals.places, finding.where.file, "zero_grad"):
        stepped, reset = (
            {ast.unparse(call.func).rpartition(".")[0] for call, _ in signals.places.calls(finding.where.file, method)}
            for method in ("step", "zero_grad")
        )
        for other in sorted(stepped - reset):
            yield Change("reset the other optimizer's gradients", (replace(finding.where, f"{other}.zero_grad()"),))
        return
    name = stepped_name(signals, signals.longest)
    if name and finding.where is not None:
        yield Change("reset the gradients before each step", (insert_before(finding.where, f"{name}.zero_grad()"),))

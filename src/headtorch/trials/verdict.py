"""Verdict: what pairs of runs, without and with a change, show of it."""

from __future__ import annotations

import contextlib
import math
from typing import NamedTuple

from headtorch.model import UserError
from headtorch.trials.orders import Measure, Ran

LEAST = 0.01  # of accuracy or R²
SHARE = 0.1  # of what was wrong before must be right after


class Pair(NamedTuple):
    """What one seed's two runs reached by the same measure; `before` and `after` are NaN where nothing was reached.

    `gain` is the share of what was missing that was won, below 0 for a loss; `clear` says that it is more than noise
    and more than an answer without learning.
    """

    measure: str
    before: float
    after: float
    floor: float | None
    gain: float
    clear: bool


def compare(before: Ran, after: Ran, *, alters_loss: bool = False) -> Pair | None:
    """The measure that both runs share, held out if there is one; None where they share none.

    Where there is none at all the loss is compared, unless the change `alters_loss`.
    """
    if after.failed or after.stopped == "time":
        return None
    pairs = _shared(before.measures, after.measures)
    for phase in ("held-out", "training"):
        found = [(old, new) for old, new in pairs if new.phase == phase and new.value is not None]
        # What the change leaves as it was, to the last bit, is no answer of the network: a baseline, say.
        changed = [(old, new) for old, new in found if old is None or old.value != new.value]
        if found:
            return _of_measures(*(changed or found)[-1])
    if alters_loss or any(new.phase == "held-out" for _, new in pairs):
        return None
    return _of_losses(before, after)


def _shared(before: tuple[Measure, ...], after: tuple[Measure, ...]) -> list[tuple[Measure | None, Measure]]:
    """Each measure after the change with the same one before it; with none where the run before never came to it."""
    known = {(m.phase, m.kind, m.site): m for m in before}
    phases = {m.phase for m in before}
    return [
        (known.get((m.phase, m.kind, m.site)), m)
        for m in after
        if (m.phase, m.kind, m.site) in known or m.phase not in phases
    ]


def _of_measures(old: Measure | None, new: Measure) -> Pair:
    if old is not None and old.floor > 0.999:  # all targets were one class: what was reached says nothing
        old = None
    value = math.nan if old is None or old.value is None else old.value
    assert new.value is not None
    floor = new.floor if old is None else max(new.floor, old.floor)
    base = floor if not math.isfinite(value) else max(value, floor - 1)
    noise = 0.5 / math.sqrt(max(new.examples, 1))
    margin = max(LEAST, SHARE * (1 - base), noise if new.kind != "R²" else 0.0)
    clear = new.value > base + min(margin, 0.5 * (1 - base)) and new.value > floor + LEAST
    return Pair(
        measure=f"{new.phase} {new.kind}",
        before=value,
        after=new.value,
        floor=floor,
        gain=(new.value - base) / max(1 - base, 1e-9),
        clear=clear,
    )


class LastLoss(NamedTuple):
    """The loss of a run's longest fit: what it is made of, its first value and its last."""

    terms: str
    first: float
    last: float
    held_out: bool


def last_loss(ran: Ran) -> LastLoss | None:
    """The loss that a run ended with, on held-out data where it shows some."""
    from headtorch.signals import Signals
    from headtorch.store.run import Run

    if ran.run_file is None:
        return None
    with contextlib.suppress(UserError):
        run = Run(ran.run_file)
        try:
            fit = max(Signals(run).fits, key=lambda fit: fit.steps, default=None)
            if fit is None:
                return None
            terms = "".join(
                f"{term.name} {term.reduction} {term.weighted} {term.broadcast}, " for term in fit.objective.losses
            )
            terms += f"times {fit.scale:.3g}"
            if fit.held_out is not None and len(fit.held_out.steps):
                column = fit.held_out.column()
                return LastLoss(terms, float(column[0]), float(column[-1]), held_out=True)
            return LastLoss(terms, fit.first_loss, fit.last_loss, held_out=False)
        finally:
            run.close()
    return None


def _of_losses(before: Ran, after: Ran) -> Pair | None:
    """By the loss itself, where it is still the same loss and nothing else is shown."""
    old, new = last_loss(before), last_loss(after)
    if old is None or new is None or old.terms != new.terms or old.held_out != new.held_out:
        return None
    if not math.isfinite(new.last):
        return None
    reference = old.last if math.isfinite(old.last) else old.first
    if not math.isfinite(reference):
        return None
    gain = (reference - new.last) / max(abs(reference), 1e-12)
    return Pair(
        measure="held-out loss" if new.held_out else "training loss",
        before=old.last,
        after=new.last,
        floor=None,
        gain=gain,
        clear=gain > SHARE,
    )

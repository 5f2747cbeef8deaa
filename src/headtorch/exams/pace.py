"""Pace: how long a step takes, and an epoch."""

from __future__ import annotations

from headtorch.exams import Training
from headtorch.model import Examined

TITLE = "time"
INTERVENTION, STEPS = "", 20


def judge(plain: Training, own: Training) -> Examined:
    """Passes no judgement. Measured in a run that is not recorded."""
    pace = own.ran.pace
    if pace is None:
        return Examined(TITLE, "open", "there was a single step")
    step = f"{1000 * pace.step:.3g} ms" if pace.step < 1 else f"{pace.step:.3g} s"
    if pace.batches is None:
        return Examined(TITLE, "shown", f"{step} a step, {60 / max(pace.step, 1e-9):,.0f} steps a minute")
    return Examined(
        TITLE, "shown", f"{step} a step, {_long(pace.batches * pace.step)} an epoch of {pace.batches:,} batches"
    )


def _long(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2g} s"

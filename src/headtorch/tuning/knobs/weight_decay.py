"""Weight decay: of the longest fit's optimizer, written or not."""

from __future__ import annotations

from collections.abc import Iterator

from headtorch.signals import Signals
from headtorch.tuning.knobs import Knob, number_at

RANK = 5
LOW, HIGH = 1e-6, 1e-1


def find(signals: Signals) -> Iterator[Knob]:
    """Where it is not written, it is added to the call that makes the optimizer."""
    for optimizer in signals.longest.followed_by[-1:]:
        if not optimizer.made_at or not any("weight_decay" in group for group in optimizer.groups):
            continue
        where = signals.places.argument(optimizer.made_at, "weight_decay")
        if where is None:
            continue
        value = number_at(signals, where)
        if value is not None or (where == optimizer.made_at[0] and signals.places.call_at(where) is not None):
            known = optimizer.groups[0].get("weight_decay")
            value = value if value is not None else float(known) if isinstance(known, (int, float)) else None
            yield Knob("weight decay", ((where, 1.0),), LOW, max(HIGH, value or 0.0), value, argument="weight_decay")

"""Learning rate: of the longest fit's optimizer, or of an update that is written out."""

from __future__ import annotations

from collections.abc import Iterator

from headtorch.remedies import largest_rate
from headtorch.signals import Signals
from headtorch.trials.interventions import HIGHEST_RATE, LOWEST_RATE
from headtorch.tuning.knobs import Knob, number_at

RANK = 0
NAME = "learning rate"
ALIKE = 2.0  # times: what a warm-up or a decay may have made of it


def find(signals: Signals) -> Iterator[Knob]:
    """Where it is written in other units, as `lr=base / 10`, its range is in these too."""
    fit = signals.longest
    where, recorded = signals.rate_place(fit), largest_rate(fit)
    if where is None:
        return
    written = number_at(signals, where)
    if written is None and (recorded is None or signals.places.call_at(where) is None):
        return
    value = written if written is not None else recorded
    unit = 1.0
    if written and recorded and not 1 / ALIKE <= recorded / written <= ALIKE:
        unit = recorded / written
    low, high = LOWEST_RATE / unit, HIGHEST_RATE / unit
    if value:
        low, high = min(low, value), max(high, value)
    yield Knob(NAME, ((where, 1.0),), low, high, value, argument="lr", unit=unit)

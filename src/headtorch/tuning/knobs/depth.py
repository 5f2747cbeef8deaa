"""Depth: a number of layers or blocks that has that name."""

from __future__ import annotations

from collections.abc import Iterator

from headtorch.signals import Signals
from headtorch.tuning.knobs import Knob, number_at
from headtorch.tuning.names import named

RANK = 4
NAMED = r"depth|(n_?|num_)?(hidden_)?(layers|blocks)"
MOST = 8.0


def find(signals: Signals) -> Iterator[Knob]:
    """The first such number."""
    for where in named(signals, NAMED):
        value = number_at(signals, where)
        if value:
            yield Knob("depth", ((where, 1.0),), 1.0, max(MOST, value), value, whole=True, log=False)
            return

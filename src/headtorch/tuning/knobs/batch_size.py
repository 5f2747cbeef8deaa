"""Batch size: what a data loader is given, what the data is split by, or a number of that name."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from headtorch.model import Where
from headtorch.signals import Signals
from headtorch.tuning.knobs import Knob, around, number_at
from headtorch.tuning.names import named

RANK = 2
SMALLER = 8.0  # times, or larger
LEAST, MOST = 4.0, 1024.0


def find(signals: Signals) -> Iterator[Knob]:
    """The first that is a number."""
    for where in _places(signals):
        value = number_at(signals, where)
        if where is not None and value and value >= 1 and value == int(value):
            low, high = around(value, SMALLER, LEAST, MOST)
            yield Knob("batch size", ((where, 1.0),), low, high, value, whole=True)
            return


def _places(signals: Signals) -> Iterator[Where | None]:
    for file in signals.run.sources:
        for _, place in signals.places.calls(file, "DataLoader"):
            yield signals.places.argument((place,), "batch_size", 1)
    yield from named(signals, r"batch(_?size)?|bs|bsz")
    for file in signals.run.sources:
        for call, place in signals.places.calls(file, "split"):
            if len(call.args) == 1 and isinstance(call.args[0], (ast.Constant, ast.Name, ast.Attribute)):
                yield signals.places.argument((place,), "split_size", 0)

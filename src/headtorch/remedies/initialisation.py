"""He's rule for weights that a script initialises itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from headtorch.changes import replace
from headtorch.model import Change, Where
from headtorch.signals import Signals

FILLERS = ("normal_", "uniform_", "constant_")


def by_he(signals: Signals, where: Where) -> Iterator[Change]:
    """`kaiming_normal_` in the place of the filler that stands at a place, or gets the number that is written there."""
    for call, place in signals.places.calls(where.file, *FILLERS):
        given = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
        written = [signals.places.written(place.file, value, (place,)) for value in given]
        spots = [signals.places.where(place.file, node) for node in (*given, *call.keywords)]
        if "init." in ast.unparse(call) and where in (place, *spots, *written):
            yield Change("initialise by He's rule", (replace(place, "torch.nn.init.kaiming_normal_({0})"),))

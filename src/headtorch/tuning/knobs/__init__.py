"""Knobs: the numbers of a script that are worth a search; one module a kind.

A module has a RANK, by which knobs are searched one after another, and `find`, from Signals to its knobs.
"""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import NamedTuple

from headtorch import changes
from headtorch.model import Edit, Where
from headtorch.signals import Signals


class Knob(NamedTuple):
    """A number of the script: its places, and between which values it is searched.

    Each place has the share of the number that stands there. Where a place is a call, its argument `argument` is set.
    `value` is None where nothing is written and PyTorch's own default is not known. `unit` is what the script
    multiplies it with.
    """

    name: str
    places: tuple[tuple[Where, float], ...]
    low: float
    high: float
    value: float | None
    argument: str = ""
    whole: bool = False
    log: bool = True
    unit: float = 1.0

    @property
    def where(self) -> Where:
        """The first place."""
        return self.places[0][0]

    def rounded(self, value: float) -> float:
        """A value as it would be written: two digits, or whole."""
        return float(max(1, round(value))) if self.whole else float(f"{value:.2g}")

    def edits(self, value: float) -> tuple[Edit, ...]:
        """Write another value."""
        return tuple(
            changes.set_value(where, f"{max(1, round(value * share))}" if self.whole else f"{value:.6g}", self.argument)
            for where, share in self.places
        )


def around(value: float, factor: float, least: float = 0.0, most: float = math.inf) -> tuple[float, float]:
    """A range from a value divided by a factor to the value times it, within limits that the value may stand beyond."""
    return max(value / factor, min(least, value)), min(value * factor, max(most, value))


def number_at(signals: Signals, where: Where | None) -> float | None:
    """The number that is written at a place in one of the user's files."""
    return None if where is None else changes.number_at(signals.run.sources, where)


def find(signals: Signals) -> list[Knob]:
    """The knobs of a script, the most worthwhile first, each place under one of them."""
    modules = [import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    found: list[Knob] = []
    for module in sorted(modules, key=lambda module: module.RANK):
        knobs: Iterator[Knob] = module.find(signals)
        for knob in knobs:
            if not any(taken(other, where, knob.argument) for other in found for where, _ in knob.places):
                found.append(knob)
    return found


def taken(knob: Knob, where: Where, argument: str = "") -> bool:
    """Whether a knob sets the number at a place; of a call, the argument of that name."""
    return any(where == place for place, _ in knob.places) and (not knob.argument or argument in ("", knob.argument))


def changed(knobs: list[Knob], values: Mapping[str, float]) -> list[Edit]:
    """The edits that write these values, by name."""
    return [edit for knob in knobs if knob.name in values for edit in knob.edits(values[knob.name])]

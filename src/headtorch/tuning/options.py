"""Options: where a number is the default of an option of argparse, and the command line gives another."""

from __future__ import annotations

from headtorch.remedies.command_line import on_command_line
from headtorch.signals import Signals
from headtorch.tuning.knobs import Knob


def given(knob: Knob, signals: Signals) -> Knob:
    """The knob at the place of its argument, which goes before the default, where the command line has one."""
    found = on_command_line(signals, knob.where)
    if found is None:
        return knob
    where, value = found
    low, high = min(knob.low, value), max(knob.high, value)
    return knob._replace(places=((where, 1.0),), argument="", value=value, low=low, high=high)

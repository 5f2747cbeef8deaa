"""Options: where a number is the default of an option of argparse, and the command line gives another."""

from __future__ import annotations

import ast
from typing import NamedTuple

from headtorch.model import Where
from headtorch.places.trees import called
from headtorch.signals import Signals
from headtorch.tuning.knobs import Knob
from headtorch.tuning.names import flags


class Given(NamedTuple):
    """The knobs with the values of the command line, its arguments without those, and what was left out by knob."""

    knobs: list[Knob]
    arguments: tuple[str, ...]
    left_out: dict[str, str]


def given(knobs: list[Knob], signals: Signals, arguments: tuple[str, ...]) -> Given:
    """An argument goes before a default, so a trial that writes the default must leave it out."""
    left_out: dict[str, str] = {}
    ours: list[Knob] = []
    for knob in knobs:
        call, value = _option(signals, knob.where), None
        if call is not None and any(keyword.arg == "required" for keyword in call.keywords):
            continue
        for flag in flags(call) if call is not None else ():
            if (found := _taken(flag, arguments)) is not None:
                value, arguments, left_out[knob.name] = found
        if value is not None:
            knob = knob._replace(value=value, low=min(knob.low, value), high=max(knob.high, value))
        ours.append(knob)
    return Given(ours, arguments, left_out)


def _option(signals: Signals, where: Where) -> ast.Call | None:
    """The call of add_argument whose default stands at a place."""
    for call, place in signals.places.calls(where.file, "add_argument"):
        defaults = [keyword for keyword in call.keywords if keyword.arg == "default"]
        if place == where or any(signals.places.where(where.file, default) == where for default in defaults):
            return call if called(call) == "add_argument" else None
    return None


def _taken(flag: str, arguments: tuple[str, ...]) -> tuple[float, tuple[str, ...], str] | None:
    """The number that follows a flag, `--lr 2` or `--lr=2`, the arguments without both, and their text."""
    for position, argument in enumerate(arguments):
        joined = argument.startswith(f"{flag}=")
        end = position + (1 if joined else 2)
        if argument == flag or joined:
            try:
                number = float(argument.partition("=")[2] if joined else arguments[position + 1])
            except (ValueError, IndexError):
                continue
            return number, arguments[:position] + arguments[end:], " ".join(arguments[position:end])
    return None

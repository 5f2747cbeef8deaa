"""Numbers that the command line of a run gives in the place of the default that is written in the script."""

from __future__ import annotations

import ast
import shlex

from headtorch.model import COMMAND_LINE, Where
from headtorch.signals import Signals


def on_command_line(signals: Signals, where: Where | None) -> tuple[Where, float] | None:
    """Where in the arguments a number stands that replaces the default at a place, and the number."""
    arguments = [str(argument) for argument in signals.run.facts.get("arguments", ())]
    flags = _flags(signals, where) if where is not None else ()
    column = 1
    for position, argument in enumerate(arguments):
        flag, equals, value = argument.partition("=")
        if flag in flags and equals:
            return _number(value, column + len(flag) + 1)
        column += len(shlex.quote(argument)) + 1
        if flag in flags and position + 1 < len(arguments):
            return _number(arguments[position + 1], column)
    return None


def _flags(signals: Signals, where: Where) -> tuple[str, ...]:
    """The flags of the option whose definition holds a place."""
    for call, place in signals.places.calls(where.file, "add_argument"):
        if place.line <= where.line <= (place.end_line or place.line):
            return tuple(a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
    return ()


def _number(text: str, column: int) -> tuple[Where, float] | None:
    try:
        return Where(COMMAND_LINE, 1, column, column + len(text), 1), float(text)
    except ValueError:
        return None

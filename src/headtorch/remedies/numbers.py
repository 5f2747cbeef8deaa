"""Other values for a number of the script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headtorch import changes
from headtorch.model import Change, Where
from headtorch.remedies.command_line import on_command_line
from headtorch.signals import Fit, Signals


def scaled(
    signals: Signals,
    where: Where | None,
    name: str,
    sentence: str,
    factors: Sequence[float],
    recorded: float | None = None,
) -> Iterator[Change]:
    """The number at a place, or else the recorded one, times each factor. `name` is its argument's name."""
    if where is None:
        return
    given = on_command_line(signals, where)
    number = given[1] if given else changes.number_at(signals.run.sources, where)
    number = number if number is not None else recorded
    yield from valued(signals, where, name, sentence, [number * factor for factor in factors] if number else ())


def valued(
    signals: Signals, where: Where | None, name: str, sentence: str, values: Sequence[float]
) -> Iterator[Change]:
    """Each of these values for the number at a place; on the command line, where that gives another."""
    given = on_command_line(signals, where)
    there = " on the command line" if given else ""
    for value in values if where is not None else ():
        code = f"{value:.6g}"
        if where is not None:
            edit = changes.set_value(given[0] if given else where, code, name)
            yield Change(f"{sentence} {code}{there}", (edit,), knob=name)


def this_number(signals: Signals, where: Where | None, what: str) -> str:
    """What the caret points at: that number, and the one that the command line gives."""
    given = on_command_line(signals, where)
    return f"this option, run with {given[1]:g}" if given else f"this {what}"


def lower_rate(signals: Signals, factors: Sequence[float] = (0.1, 0.01, 0.001)) -> Iterator[Change]:
    """A lower learning rate for the longest fit."""
    fit = signals.longest
    yield from scaled(signals, signals.rate_place(fit), "lr", "lower the learning rate to", factors, largest_rate(fit))


def largest_rate(fit: Fit) -> float | None:
    """The largest learning rate that a fit's optimizers had."""
    rates = [float(series.values.max()) for series in fit.rates.values() if series]
    return max(rates, default=None)

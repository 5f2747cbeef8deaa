"""Remedies: changes that several rules propose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headtorch.changes import number_at, set_value
from headtorch.model import Change, Finding
from headtorch.signals import Signals


def scaled(
    finding: Finding,
    signals: Signals,
    name: str,
    sentence: str,
    factors: Sequence[float],
    recorded: float | None = None,
) -> Iterator[Change]:
    """The number at a finding's place, or else the recorded one, times each factor. `name` is its argument's name."""
    if finding.where is None:
        return
    number = number_at(signals.run.sources, finding.where)
    number = number if number is not None else recorded
    for factor in factors if number else ():
        yield from valued(finding, name, sentence, (float(number or 0) * factor,))


def valued(finding: Finding, name: str, sentence: str, values: Sequence[float]) -> Iterator[Change]:
    """Each of these values for the number at a finding's place."""
    for value in values if finding.where is not None else ():
        code = f"{value:.6g}"
        yield Change(f"{sentence} {code}", (set_value(finding.where, code, name),), knob=name)

"""Slip: what the source alone tells, written by mistake, that Python does not notice; and the finding that tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from headtorch.model import Evidence, Finding, Severity, Where
from headtorch.signals import Signals


class Slip(NamedTuple):
    """How a slip is found, by `place(trees, file, *names)`, and what is said of it.

    `saw` is what stands there and what should, beside the name of both: (name, value, healthy).
    """

    place: Callable[..., Where | None]
    message: str
    saw: tuple[str, str, str]
    help: str
    label: str
    confidence: float
    names: tuple[str, ...] = ()
    severity: Severity = "error"


def slipped(rule: str, signals: Signals, *slips: Slip) -> Iterator[Finding]:
    """A finding of a rule for each of its slips that stands in the user's files, where a training was seen."""
    for slip in slips if signals.fits else ():
        where = signals.first_slip(slip.place, *slip.names)
        if where is not None:
            what, value, healthy = slip.saw
            yield Finding(
                rule=rule,
                severity=slip.severity,
                message=slip.message,
                where=where,
                saw=(Evidence(what, value, healthy=healthy), signals.longest.seen_loss),
                help=slip.help,
                label=slip.label,
                confidence=slip.confidence,
            )

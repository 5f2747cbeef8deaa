"""Knobs: the settings of a lab as a frozen dataclass, to and from text. Validation is here alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, field, fields
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlencode

from headtorch.model import UserError

Knobs = TypeVar("Knobs")


class Knob(NamedTuple):
    """One setting: its name, its default, what it does, and its choices or its range. `log` is how a slider goes."""

    name: str
    default: float | int | str
    says: str
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    log: bool = False

    @property
    def allowed(self) -> str:
        """What the knob can be set to, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        whole = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{whole} from {self.low:g} to {self.high:g}"

    def parsed(self, text: str) -> float | int | str:
        """The value that `text` means. Raises UserError, with what is allowed, where it is none."""
        try:
            value = type(self.default)(text)
            # A check that is false for NaN.
            fits = value in self.choices if self.choices else self.low <= value <= self.high  # type: ignore[operator]
        except ValueError:
            fits = False
        if not fits:
            raise UserError(f"'{text[:40]}' is no value of the knob '{self.name}': it takes {self.allowed}")
        return value


def knob(
    default: float | int | str,
    says: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    choices: tuple[str, ...] = (),
    log: bool = False,
) -> Any:
    """A field of a lab's Knobs."""
    return field(default=default, metadata={"says": says, "low": low, "high": high, "choices": choices, "log": log})


def knobs_of(kind: type) -> tuple[Knob, ...]:
    """The knobs that a lab's Knobs describes."""
    found = []
    for each in fields(kind):
        assert each.default is not MISSING
        found.append(Knob(name=each.name, default=each.default, **each.metadata))
    return tuple(found)


def parsed(knobs: Iterable[Knob], texts: Mapping[str, str]) -> dict[str, Any]:
    """The values that `texts` gives to some of the knobs. Raises UserError for what is not allowed."""
    known = {each.name: each for each in knobs}
    for name in texts:
        if name not in known:
            raise UserError(f"there is no knob '{name[:40]}'; this lab has {', '.join(known)}")
    return {name: known[name].parsed(text) for name, text in texts.items()}


def turned(kind: type[Knobs], texts: Mapping[str, str]) -> Knobs:
    """Knobs set to what `texts` says, the others at their defaults. Raises UserError for what is not allowed."""
    return kind(**parsed(knobs_of(kind), texts))


def from_query(kind: type[Knobs], query: str) -> Knobs:
    """Knobs from `knob=value&knob=value`, as in an address."""
    return turned(kind, dict(parse_qsl(query, keep_blank_values=True)))


def to_query(knobs: object) -> str:
    """The knobs that are not at their default, as in an address."""
    own = {each.name: getattr(knobs, each.name) for each in knobs_of(type(knobs))}
    return urlencode({each.name: own[each.name] for each in knobs_of(type(knobs)) if own[each.name] != each.default})

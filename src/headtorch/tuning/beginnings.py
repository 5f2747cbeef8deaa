"""Beginnings: what the diagnosis and a range test know of good values, before any is searched for."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headtorch.exams.learning_rate import smooth, usable
from headtorch.model import Change, Edit, Finding
from headtorch.rules import rule_named
from headtorch.signals import Signals
from headtorch.tuning.knobs import Knob, number_at, taken
from headtorch.tuning.knobs.learning_rate import NAME as RATE

Values = dict[str, float]
Losses = NDArray[np.floating]

STEADY = 0.3  # of the rate at which a sweep's loss is lowest: there it is about to rise
FELL = 0.2  # of the first loss: what a sweep must fall before the range is cut by it
BEYOND = 10.0  # times the usable range: a sweep has few steps at each rate


class Beginning(NamedTuple):
    """The knobs, those that a finding names among them, and the values to be tried before all others."""

    knobs: list[Knob]
    first: list[Values]
    other_hands: tuple[str, ...]  # the rules whose changes are no numbers


def beginning(knobs: list[Knob], findings: tuple[Finding, ...], signals: Signals, swept: Losses | None) -> Beginning:
    """What findings and the range of the learning rate say of the knobs."""
    knobs, first, others = list(knobs), [], []
    rated = _range(swept) if swept is not None else None
    for finding in findings:
        if finding.severity == "note":
            continue
        proposed = _proposed(finding, signals)
        knobs += _new_knobs(finding, proposed, knobs, signals)
        values = [found for change in proposed if (found := _values(change, knobs))]
        if not values and proposed and finding.role == "cause":
            others.append(finding.rule)
        first += _nearest_first(values, rated)
    rate = next((knob for knob in knobs if knob.name == RATE), None)
    if rate is not None and rated is not None:
        low, high = rated
        narrowed = rate._replace(
            low=max(rate.low, low / BEYOND / rate.unit), high=min(rate.high, high * BEYOND / rate.unit)
        )
        if narrowed.low < narrowed.high:
            knobs[knobs.index(rate)] = narrowed
            suggested = {RATE: rate.rounded(min(max(STEADY * high, low), high) / rate.unit)}
            asked = any(RATE in values for values in first)
            outside = rate.value is None or not low <= rate.value * rate.unit <= high
            first.insert(0 if asked or outside else len(first), suggested)
    inside = {knob.name: knob for knob in knobs}
    kept = [v for v in first if all(inside[name].low <= value <= inside[name].high for name, value in v.items())]
    return Beginning(knobs, [v for i, v in enumerate(kept) if v not in kept[:i]], tuple(dict.fromkeys(others)))


def _range(swept: Losses) -> tuple[float, float] | None:
    """The usable range of rates, where the loss falls far enough to rely on it."""
    losses = smooth(swept)
    finite = losses[np.isfinite(losses)]
    return usable(losses) if len(finite) and finite.min() < (1 - FELL) * losses[0] else None


def _proposed(finding: Finding, signals: Signals) -> list[Change]:
    rule = rule_named(finding.rule)
    try:
        return list(rule.changes(finding, signals)) if rule.changes is not None else []
    except Exception:  # a rule of ours that fails begins nothing; the diagnosis names it
        return []


def _values(change: Change, knobs: list[Knob]) -> Values:
    """The values that a change gives to knobs; none where it does anything else."""
    values: Values = {}
    for edit in change.edits:
        number = _number(edit)
        knob = next((k for k in knobs if taken(k, edit.where, edit.name)), None)
        if number is None or knob is None:
            return {}
        share = next(share for where, share in knob.places if where == edit.where)
        values.setdefault(knob.name, knob.rounded(number / share))
    return values


def _number(edit: Edit) -> float | None:
    try:
        number = ast.literal_eval(edit.code) if edit.do in ("set_value", "set_argument") else None
    except (ValueError, SyntaxError):
        return None
    return float(number) if isinstance(number, (int, float)) and not isinstance(number, bool) else None


def _new_knobs(finding: Finding, proposed: list[Change], knobs: list[Knob], signals: Signals) -> Iterator[Knob]:
    """A number that a finding would change, and that no file of `knobs` knows."""
    for change in proposed:
        if not change.knob or len(change.edits) != 1 or _values(change, knobs):
            continue
        edit = change.edits[0]
        old = number_at(signals, edit.where)
        new = [n for c in proposed if c.knob == change.knob if (n := _number(c.edits[0])) is not None]
        if old is None or not new:
            continue
        low, high = min(old, *new), max(old, *new)
        name = (edit.name or finding.rule).replace("_", " ")
        yield Knob(name, ((edit.where, 1.0),), low, high, old, argument=edit.name, log=low > 0)
        return


def _nearest_first(values: list[Values], rated: tuple[float, float] | None) -> list[Values]:
    """As they stand, but rates that lie in the usable range before those beyond it."""
    if rated is None:
        return values
    low, high = rated

    def beyond(one: Values) -> float:
        rate = one.get(RATE)
        return 0.0 if rate is None else max(0.0, math.log(low / rate), math.log(rate / high))

    return sorted(values, key=beyond)

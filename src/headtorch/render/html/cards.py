"""Findings as cards: what is wrong, where, what was measured, what was tried, what follows, and why it matters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headtorch.figures import Axis, Band, Chart, Series
from headtorch.figures.svg import svg
from headtorch.labs import Lab, labs_of
from headtorch.model import Evidence, Finding, Tried
from headtorch.render.html.code import Line, Source
from headtorch.render.html.gauge import gauge
from headtorch.render.html.patch import PatchLine, patch_lines
from headtorch.render.html.ranges import healthy, measured
from headtorch.render.numbers import figure
from headtorch.render.order import grouped
from headtorch.rules import Rule, all_rules

AROUND = 1  # lines of source above and below the place


class Instrument(NamedTuple):
    """A piece of evidence: its number in words, and its small figure where it has one."""

    evidence: Evidence
    value: str
    drawing: str
    chart: Chart | None


class Card(NamedTuple):
    """A finding with all that is shown of it, and the cards of what follows from it."""

    finding: Finding
    anchor: str
    code: tuple[Line, ...]
    instruments: tuple[Instrument, ...]
    patch: tuple[PatchLine, ...]
    followers: tuple[Card, ...]
    rule: Rule | None
    labs: tuple[Lab, ...]


def cards(findings: Sequence[Finding], sources: Mapping[str, str], steps: int) -> list[Card]:
    """The causes and notes in their order, with what follows from each."""
    texts = {file: Source(text) for file, text in sources.items()}
    rules = {rule.name: rule for rule in all_rules()}
    taken: set[str] = set()

    def card(finding: Finding, followers: Sequence[Finding] = ()) -> Card:
        return Card(
            finding,
            _anchor(finding.rule, taken),
            _code(finding, texts),
            tuple(instrument(evidence, steps) for evidence in finding.saw),
            tuple(patch_lines(finding.tried.diff)) if finding.tried is not None else (),
            tuple(card(follower) for follower in followers),
            rules.get(finding.rule),
            labs_of(finding.rule),
        )

    return [card(head, followers) for head, followers in grouped(findings)]


def _anchor(rule: str, taken: set[str]) -> str:
    name = "finding-" + re.sub(r"[^a-z0-9-]", "-", rule.lower())
    number = 1
    while (anchor := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    taken.add(anchor)
    return anchor


def _code(finding: Finding, texts: Mapping[str, Source]) -> tuple[Line, ...]:
    where = finding.where
    if where is None or where.file not in texts:
        return ()
    last = min(where.end_line or where.line, where.line + 4)
    return tuple(texts[where.file].lines(range(where.line - AROUND, last + AROUND + 1), [where]))


def instrument(evidence: Evidence, steps: int) -> Instrument:
    """The small figure of a piece of evidence: its curve, or its number on a line with the healthy range."""
    number, wanted = measured(evidence.value), healthy(evidence.healthy)
    drawing, chart = "", None
    if evidence.curve and len(evidence.curve) > 1:
        count = len(evidence.curve)
        last = max(steps - 1, count - 1)
        x = tuple(last * place / (count - 1) for place in range(count))
        ends = () if wanted is None else ((wanted.low, wanted.high),)
        bands = tuple(
            Band("", 0.0 if low is None else low, max(evidence.curve) if high is None else high) for low, high in ends
        )
        chart = Chart(evidence.quantity, Axis("step"), Axis(""), (Series("", x, evidence.curve),), bands)
        drawing = svg(chart, 58)
    elif number is not None and wanted is not None:
        drawing = gauge(evidence.quantity, number, wanted)
    return Instrument(evidence, figure(evidence.value), drawing, chart)


def outcome(tried: Tried) -> str:
    """What the re-runs with a change have measured, in words."""
    if not tried.before:
        return tried.why
    floor = "" if tried.floor is None else f"; a constant answer reaches {figure(tried.floor)}"
    seeds = "1 seed" if len(tried.before) == 1 else f"{len(tried.before)} seeds"
    why = f"; {tried.why}" if tried.why else ""
    return f"{seeds} × {tried.steps:,} steps: {tried.measure} {_span(tried.before)} → {_span(tried.after)}{floor}{why}"


def _span(values: tuple[float, ...]) -> str:
    low, high = figure(min(values)), figure(max(values))
    return low if low == high else f"{low} to {high}"

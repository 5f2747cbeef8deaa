"""What a trial has shown: the change as lines with - and +, the figures of its runs, and the verdict."""

from __future__ import annotations

import re

from headtorch.model import Tried
from headtorch.render.numbers import count, figure
from headtorch.render.page import Page

STYLE = {"VERIFIED": "healthy", "TRIED, NO GAIN": "warning", "NOT TRIED": "note"}
REMOVED, ADDED = "error", "healthy"


def trial_lines(tried: Tried, page: Page) -> list[str]:
    """The change and what became of it. All text is visible already."""
    lines = page.paragraph("help:", "note", tried.change) if tried.change else []
    lines += _diff(tried.diff, page)
    return lines + page.paragraph("tried:", "note", figures(tried), page.paint(STYLE[tried.verdict], tried.verdict))


def figures(tried: Tried) -> str:
    """The figures of the runs before and after, or why there are none."""
    if not tried.before:
        return f"{tried.why}:" if tried.why else ""
    seeds = f"{count(len(tried.before), 'seed')} x {count(tried.steps, 'step')}"
    floor = "" if tried.floor is None else f", where a constant answer reaches {figure(tried.floor)}"
    why = f"; {tried.why}" if tried.why else ""
    return f"{seeds}: {tried.measure} {_range(tried.before)} → {_range(tried.after)}{floor}{why}"


def _range(values: tuple[float, ...]) -> str:
    low, high = min(values), max(values)
    return figure(values[0]) if len(values) == 1 or figure(low) == figure(high) else f"[{figure(low)}, {figure(high)}]"


def _diff(diff: str, page: Page) -> list[str]:
    """A unified diff with the line numbers of both sides, as a compiler shows a suggestion."""
    # The diff came through `visible`, which writes a line end as an escape.
    rows: list[tuple[int, str, str]] = []
    old = new = 0
    lines = diff.split("\\n")
    heads = {n for n in range(len(lines) - 1) if lines[n].startswith("--- ") and lines[n + 1].startswith("+++ ")}
    for number, line in enumerate(lines):
        if number in heads or number - 1 in heads:
            continue
        if (at := re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)", line)) is not None:
            old, new = int(at[1]), int(at[2])
            # Of an empty side the line before it is given.
            old, new = old + bool(re.match(r"@@ -\d+,0 ", line)), new + bool(re.match(r"@@ -\S+ \+\d+,0 ", line))
        elif line.startswith("-"):
            rows.append((old, "-", line[1:]))
            old += 1
        elif line.startswith("+"):
            rows.append((new, "+", line[1:]))
            new += 1
    if not rows:
        return []
    width = len(str(max(number for number, _, _ in rows)))
    edge = page.paint("gutter", " " * (width + 1) + " |")
    shown = [
        page.paint("gutter", f" {number:>{width}}")
        + " "
        + page.paint(REMOVED if sign == "-" else ADDED, f"{sign} {code}")
        for number, sign, code in rows
    ]
    return [edge, *shown, edge]

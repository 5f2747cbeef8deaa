"""The table of goals: what was to be reached, what was measured, and whether that is met."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """One measurement; `met` is None where there is no goal."""

    what: str
    goal: str
    measured: str
    met: bool | None


def at_most(what: str, measured: float, limit: float, unit: str = "", digits: int = 3) -> Row:
    """A row whose goal is an upper limit."""
    return Row(what, f"<= {limit:g}{unit}", f"{measured:.{digits}f}{unit}", measured <= limit)


def seen(what: str, measured: str) -> Row:
    """A row without a goal."""
    return Row(what, "", measured, None)


def table(rows: Iterable[Row]) -> str:
    """The rows in columns."""
    cells = [("", "goal", "measured", "")]
    cells += [(row.what, row.goal, row.measured, {True: "met", False: "NOT MET", None: ""}[row.met]) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join(lines)


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a table of Markdown."""
    judged = {True: "met", False: "**not met**", None: ""}
    lines = [f"| {row.what} | {row.goal} | {row.measured} | {judged[row.met]} |" for row in rows]
    return "\n".join(["| | goal | measured | |", "|---|---|---|---|", *lines])

"""The measured quantities of a finding: the lines behind `saw:`."""

from __future__ import annotations

from collections.abc import Sequence

from headtorch.model import Evidence
from headtorch.render.numbers import figure
from headtorch.render.page import Page
from headtorch.render.sparkline import sparkline
from headtorch.render.visible import columns

GAP = "   "


def evidence_lines(saw: Sequence[Evidence], page: Page) -> list[str]:
    """A table of `saw`; where it is too wide for the page, its rows are wrapped under their values."""
    longest = max(columns(evidence.quantity) for evidence in saw)
    names = [_pad(evidence.quantity, longest) + "  " for evidence in saw]
    rows = [_cells(evidence) for evidence in saw]
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    cells = [[_pad(cell, width) for cell, width in zip(row, widths, strict=True) if width] for row in rows]
    table = [(name + GAP.join(row)).rstrip() for name, row in zip(names, cells, strict=True)]
    if all(columns(line) <= page.width for line in table):
        return table
    return [line for name, row in zip(names, rows, strict=True) for line in _wrapped(name, row, page)]


def _cells(evidence: Evidence) -> list[str]:
    """What stands beside the quantity, empty where it is not known."""
    value = figure(evidence.value)
    return [
        f"{value} {sparkline(evidence.curve)}" if evidence.curve else value,
        f"healthy {evidence.healthy}" if evidence.healthy else "",
        _steps(evidence.steps) if evidence.steps else "",
        f"in `{evidence.layer}`" if evidence.layer else "",
    ]


def _steps(steps: str) -> str:
    if not steps[0].isdigit():
        return steps
    return f"step {steps}" if steps.replace(",", "").isdigit() else f"steps {steps}"


def _wrapped(name: str, row: list[str], page: Page) -> list[str]:
    beside = columns(name) <= page.width // 2
    indent = columns(name) if beside else 2
    rest = page._replace(width=page.width - indent)
    # A cell is kept whole if it can be; else it is broken between its words.
    cells = [[cell] if columns(cell) <= rest.width else rest.lines(cell) for cell in row if cell]
    lines = [" " * indent + line for line in rest.wrap([piece for cell in cells for piece in cell], 0, GAP)]
    return [name + lines[0].strip(), *lines[1:]] if beside else [*page.lines(name), *lines]


def _pad(cell: str, width: int) -> str:
    return cell + " " * (width - columns(cell))

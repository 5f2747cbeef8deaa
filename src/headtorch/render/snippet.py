"""The place of a finding: file and line, and the source line with carets under the guilty part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePath

from headtorch.model import Where
from headtorch.render.page import Page
from headtorch.render.visible import columns, visible

TAB = "    "
CUT = "…"
NARROWEST_LABEL = 24


def place(where: Where) -> str:
    """`where` as an editor takes it: train.py:6:43."""
    parts = [where.line] if where.column is None else [where.line, where.column]
    return ":".join([short_path(where.file), *map(str, parts)])


def short_path(file: str) -> str:
    """A visible file name, relative to the working directory if it lies inside."""
    try:
        return str(PurePath(file).relative_to(visible(str(Path.cwd()))))
    except (ValueError, OSError):  # outside of it, or the working directory is gone
        return file


def snippet(where: Where, sources: Mapping[str, str], label: str, style: str, page: Page) -> list[str]:
    """Lines that show `where`: the arrow alone when its source is not known, no carets when its columns are not."""
    margin = " " * (len(str(where.line)) + 1)
    lines = [page.paint("gutter", f"{margin}-->") + f" {place(where)}"]
    source = _source_line(where, sources)
    if source is None:
        return lines

    room = page.width - len(margin) - 3
    cells = [TAB if character == "\t" else visible(character) for character in source]
    code, offset, length = _excerpt(cells, *_span(where, len(cells)), room)
    edge = page.paint("gutter", f"{margin} |")
    lines += [edge, page.paint("gutter", f" {where.line} |") + f" {code}"]
    if where.column is not None:
        marks = _marks(offset, length, label, room)
        lines += [f"{edge} {' ' * indent}{page.paint(style, mark)}" for indent, mark in marks]
    lines.append(edge)
    if where.column is None and label:
        equals = page.paint("gutter", f"{margin} =")
        lines += [f"{equals} {part}" for part in Page(room, colour=False).lines(label)]
    return lines


def _source_line(where: Where, sources: Mapping[str, str]) -> str | None:
    # Not splitlines(): it also splits at form feeds and other characters that do not end a line of Python.
    lines = re.split(r"\r\n|\r|\n", sources.get(where.file, ""))
    if not 1 <= where.line <= len(lines):
        return None
    return lines[where.line - 1].rstrip() or None


def _span(where: Where, length: int) -> tuple[int, int]:
    """The marked characters of the line as a slice of at least one, which may be the place after the last one."""
    first = min(max((where.column or 1) - 1, 0), length)
    if where.end_line is not None and where.end_line > where.line:
        last = length
    else:
        last = min((where.end_column or 0) - 1, length)
    return first, max(last, first + 1)


def _excerpt(cells: list[str], first: int, last: int, room: int) -> tuple[str, int, int]:
    """The part of a line that fits into `room` columns and shows a span of its cells; column and length of the span."""
    sizes = [columns(cell) for cell in cells]
    start, stop = 0, len(cells)
    if sum(sizes) > room:
        start, stop = _window(sizes, first, last, room - 2 * len(CUT))
    before = CUT if start > 0 else ""
    after = CUT if stop < len(cells) else ""
    code = before + "".join(cells[start:stop]) + after
    return code, len(before) + sum(sizes[start:first]), max(1, sum(sizes[first : min(last, stop)]))


def _window(sizes: list[int], first: int, last: int, room: int) -> tuple[int, int]:
    """The cells that fit into `room` columns: from the start of the line if the span fits so, else around the span."""
    start, stop = 0, 0
    if sum(sizes[:last]) > room:
        start = stop = first
        while stop < last and sum(sizes[start : stop + 1]) <= room:
            stop += 1
        # What stands before the span (the call it is an argument of) says more than what follows.
        context = (room - sum(sizes[start:stop])) * 3 // 4
        while start > 0 and sum(sizes[start - 1 : first]) <= context:
            start -= 1
    while stop < len(sizes) and sum(sizes[start : stop + 1]) <= room:
        stop += 1
    while start > 0 and sum(sizes[start - 1 : stop]) <= room:
        start -= 1
    return start, stop


def _marks(offset: int, length: int, label: str, room: int) -> list[tuple[int, str]]:
    """The carets and the label behind them, or below them where it does not fit; each with its indentation."""
    carets = "^" * length
    if not label or offset + length + 1 + columns(label) <= room:
        return [(offset, f"{carets} {label}".rstrip())]
    indent = max(0, min(offset, room - NARROWEST_LABEL))
    return [(offset, carets), *((indent, part) for part in Page(room - indent, colour=False).lines(label))]

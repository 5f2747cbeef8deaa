"""A unified diff for a page: lines with the numbers of both sides."""

from __future__ import annotations

import re
from typing import NamedTuple


class PatchLine(NamedTuple):
    """A line that is removed ("-"), added ("+") or kept (" "), or the head of a part ("@"); its numbers, if any."""

    sign: str
    old: int | None
    new: int | None
    text: str


def patch_lines(diff: str) -> list[PatchLine]:
    """The lines of a unified diff without the names of its files."""
    rows: list[PatchLine] = []
    old = new = 0
    for line in diff.split("\n"):
        if (at := re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)", line)) is not None:
            # Of an empty side the line before it is given.
            old = int(at[1]) + bool(re.match(r"@@ -\d+,0 ", line))
            new = int(at[2]) + bool(re.match(r"@@ -\S+ \+\d+,0 ", line))
            if rows:
                rows.append(PatchLine("@", None, None, ""))
        elif line.startswith(("---", "+++")) and not rows:
            continue
        elif line.startswith("-"):
            rows.append(PatchLine("-", old, None, line[1:]))
            old += 1
        elif line.startswith("+"):
            rows.append(PatchLine("+", None, new, line[1:]))
            new += 1
        elif line.startswith(" "):
            rows.append(PatchLine(" ", old, new, line[1:]))
            old, new = old + 1, new + 1
    return rows

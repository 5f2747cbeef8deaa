"""A unified diff taken apart: for each file, the lines that go and those that come in their place."""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")


class Replacement(NamedTuple):
    """`removed` lines from `line` on (counted from 1; before it, where none is removed) make room for `added`."""

    line: int
    removed: int
    added: tuple[str, ...]


def replacements(diff: str) -> dict[str, list[Replacement]]:
    """The replacements of a diff without context, by the name of the file."""
    found: dict[str, list[Replacement]] = {}
    name = ""
    lines = iter(diff.split("\n"))
    for line in lines:
        if (hunk := _HUNK.match(line)) is None:
            if line.startswith("+++ "):
                name = line[4:].partition("\t")[0]
            continue
        first, removed, added = int(hunk[1]), int(hunk[2] or 1), int(hunk[3] or 1)
        gone = len(list(islice(lines, removed)))
        text = tuple(line[1:] for line in islice(lines, added))
        # Of an empty side a diff gives the line before it.
        found.setdefault(name, []).append(Replacement(first if gone else first + 1, gone, text))
    return found

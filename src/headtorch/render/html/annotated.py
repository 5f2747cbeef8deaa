"""The user's source with each finding at its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from headtorch.model import Finding
from headtorch.render.html.cards import Card
from headtorch.render.html.code import Line, Source

WHOLE = 400  # lines of a file that are shown whole
AROUND = 12  # lines shown around each finding of a longer one


class Annotated(NamedTuple):
    """A line with the cards of the findings that stand at it; `gap` says that lines before it are left out."""

    line: Line
    notes: tuple[Card, ...]
    gap: bool


class File(NamedTuple):
    """A source file: its name, the lines shown of it, and how many it has."""

    name: str
    path: str
    lines: tuple[Annotated, ...]
    length: int
    findings: int


def annotated(cards: Sequence[Card], sources: Mapping[str, str], script: str) -> list[File]:
    """The script first, then the other files with findings, then the rest."""
    every = [card for head in cards for card in (head, *head.followers)]
    files = []
    for path, text in sources.items():
        here = [card for card in every if card.finding.where is not None and card.finding.where.file == path]
        source = Source(text)
        count = len(source.texts)
        marks = [card.finding.where for card in here if card.finding.where is not None]
        numbers = _numbers(count, [mark.line for mark in marks])
        lines, before = [], 0
        for line in source.lines(numbers, marks):
            notes = tuple(card for card in here if _line(card.finding) == line.number)
            lines.append(Annotated(line, notes, gap=line.number != before + 1))
            before = line.number
        files.append(File(PurePath(path).name, path, tuple(lines), count, len(here)))
    return sorted(files, key=lambda file: (not _is(script, file.path), -file.findings))


def _is(script: str, path: str) -> bool:
    return bool(script) and PurePath(path).parts[-len(PurePath(script).parts) :] == PurePath(script).parts


def _line(finding: Finding) -> int | None:
    return finding.where.line if finding.where is not None else None


def _numbers(count: int, marked: Sequence[int]) -> list[int]:
    if count <= WHOLE:
        return list(range(1, count + 1))
    wanted = {number for line in marked for number in range(line - AROUND, line + AROUND + 1)}
    return sorted(number for number in wanted or range(1, WHOLE + 1) if 1 <= number <= count)

"""Source text for a page: lines in pieces, each with what it is (a keyword, a string, a comment) and whether marked."""

from __future__ import annotations

import io
import keyword
import re
import tokenize
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from headtorch.model import Where

LONGEST = 400  # characters of a line that are shown
LONGEST_TEXT = 200_000  # characters; longer sources are shown without colours


class Piece(NamedTuple):
    """Characters of a line of one kind: "", "keyword", "string", "comment" or "number", and "marked"."""

    kind: str
    text: str


class Line(NamedTuple):
    """A line of source by its number."""

    number: int
    pieces: tuple[Piece, ...]


class Source:
    """A text of Python, or of anything else, in which places can be marked."""

    def __init__(self, text: str) -> None:
        # Not splitlines(): it also splits at form feeds and other characters that do not end a line of Python.
        self.texts = re.split(r"\r\n|\r|\n", text)
        if len(self.texts) > 1 and not self.texts[-1]:
            self.texts.pop()
        self._kinds = _kinds(text, len(self.texts)) if len(text) <= LONGEST_TEXT else {}

    def lines(self, numbers: Iterable[int], marks: Sequence[Where] = ()) -> list[Line]:
        """Some lines, with the places in `marks` marked."""
        return [self._line(number, marks) for number in numbers if 1 <= number <= len(self.texts)]

    def _line(self, number: int, marks: Sequence[Where]) -> Line:
        text = self.texts[number - 1]
        kinds = [""] * len(text)
        for start, stop, kind in self._kinds.get(number, ()):
            kinds[start:stop] = [kind] * (min(stop, len(text)) - min(start, len(text)))
        for where in marks:
            if where.line == number and where.column is not None:
                first = where.column - 1
                several = where.end_line is not None and where.end_line > number
                last = len(text) if several or where.end_column is None else where.end_column - 1
                for at in range(max(first, 0), min(max(last, first + 1), len(text))):
                    kinds[at] = f"{kinds[at]} marked".strip()
        if len(text) > LONGEST:
            text, kinds = text[:LONGEST] + "…", [*kinds[:LONGEST], ""]
        pieces = groupby(zip(kinds, text, strict=True), key=lambda pair: pair[0])
        return Line(number, tuple(Piece(kind, "".join(c for _, c in pairs)) for kind, pairs in pieces))


def _kinds(text: str, count: int) -> dict[int, list[tuple[int, int, str]]]:
    """The coloured stretches of each line; what is no Python has them up to where it stops being Python."""
    found: dict[int, list[tuple[int, int, str]]] = {}
    names = {tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.NUMBER: "number"}
    # The parts of an f-string are tokens from Python 3.12 on.
    names |= {getattr(tokenize, f"FSTRING_{part}", -1): "string" for part in ("START", "MIDDLE", "END")}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            kind = names.get(token.type, "")
            if token.type == tokenize.NAME and keyword.iskeyword(token.string):
                kind = "keyword"
            if not kind:
                continue
            (first, start), (last, stop) = token.start, token.end
            for number in range(first, min(last, count) + 1):
                begins, ends = start if number == first else 0, stop if number == last else 1_000_000
                found.setdefault(number, []).append((begins, ends, kind))
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass
    return found

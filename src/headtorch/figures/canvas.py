"""Canvas: characters to draw curves on, in Braille dots where colours tell the curves apart, else in marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a Braille character, by row and column
Point = tuple[float, float]


def painted(text: str, code: str) -> str:
    """`text` in a colour or style of the terminal."""
    return f"\x1b[{code}m{text}\x1b[0m"


class Canvas:
    """`width` × `height` characters; places go from (0, 0) at the lower left to (1, 1) at the upper right."""

    COLOURS: ClassVar[tuple[int, ...]] = (34, 31, 32, 35, 36, 33, 94, 91, 92, 95)

    def __init__(self, width: int, height: int, colour: bool) -> None:
        self.width, self.height = width, height
        self._colour = colour
        self._marks: dict[tuple[int, int], str] = {}
        self._dots: dict[tuple[int, int], int] = {}
        self._inks: dict[tuple[int, int], int] = {}

    def level(self, place: float) -> None:
        """A dotted line across."""
        row = round((1 - place) * (self.height - 1))
        if 0 <= row < self.height:
            for column in range(self.width):
                self._marks.setdefault((row, column), "┄")

    def curve(self, points: Sequence[Point | None], mark: str, number: int, *, dots: bool = False) -> None:
        """The points and, unless these are `dots`, what lies between them; None is a gap."""
        before: Point | None = None
        for point in points:
            if point is not None:
                steps = 1
                if before is not None and not dots:
                    # A line far outside of the canvas is not followed for ever.
                    across, up = abs(point[0] - before[0]) * self.width, abs(point[1] - before[1]) * self.height
                    steps = min(max(1, round(max(across * 2, up * 4))), 8 * (self.width + self.height))
                start = before if before is not None and not dots else point
                for step in range(1, steps + 1):
                    share = step / steps
                    x, y = (start[axis] + (point[axis] - start[axis]) * share for axis in (0, 1))
                    self._dot(x, y, mark, number)
            before = point

    def _dot(self, x: float, y: float, mark: str, number: int) -> None:
        if not (0 <= x <= 1 and -0.001 <= y <= 1.001):
            return
        if not self._colour:
            self._marks[round((1 - y) * (self.height - 1)), round(x * (self.width - 1))] = mark
            return
        row, column = round((1 - y) * (4 * self.height - 1)), round(x * (2 * self.width - 1))
        row = min(max(row, 0), 4 * self.height - 1)
        cell = row // 4, column // 2
        self._dots[cell] = self._dots.get(cell, 0) | DOTS[row % 4][column % 2]
        self._inks[cell] = number

    def lines(self) -> list[str]:
        """The rows of characters, from above."""
        return ["".join(self._cell(row, column) for column in range(self.width)).rstrip() for row in range(self.height)]

    def _cell(self, row: int, column: int) -> str:
        dots = self._dots.get((row, column))
        if dots is None:
            return self._marks.get((row, column), " ")
        ink = self.COLOURS[self._inks[row, column] % len(self.COLOURS)]
        return painted(chr(0x2800 + dots), str(ink))

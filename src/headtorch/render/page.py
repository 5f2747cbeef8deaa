"""What a text report is drawn on: a width in columns, with or without colours."""

from __future__ import annotations

from typing import NamedTuple

from headtorch.render.visible import columns

NARROWEST = 40
HANGING = 6

STYLES = {
    "error": "1;31",
    "warning": "1;33",
    "note": "1;36",
    "healthy": "1;32",
    "gutter": "1;34",
    "strong": "1",
}


class Page(NamedTuple):
    """A width and whether to colour. All text that comes here is visible already."""

    width: int
    colour: bool

    def paint(self, style: str, text: str) -> str:
        """`text` in a style of `STYLES`, or as it is on a page without colours."""
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.colour and text else text

    def words(self, text: str, indent: int = HANGING) -> list[str]:
        """The words of `text`, those cut up that are too long for an indented line."""
        return [part for word in text.split() for part in _cut(word, self.width - indent)]

    def wrap(self, pieces: list[str], indent: int = HANGING, gap: str = " ") -> list[str]:
        """Lines of `pieces` that are never broken themselves, all lines but the first indented."""
        lines: list[str] = []
        line = ""
        for piece in pieces:
            if not line:
                line = piece
            elif columns(line) + len(gap) + columns(piece) <= self.width:
                line += gap + piece
            else:
                lines.append(line)
                line = " " * indent + piece
        return [*lines, line]

    def lines(self, text: str) -> list[str]:
        """Lines of plain `text`, none of them indented."""
        return self.wrap(self.words(text, indent=0), indent=0)

    def paragraph(self, tag: str, style: str, text: str, *names: str) -> list[str]:
        """Lines of `tag` in its style and `text`, wrapped. `names` follow the text and are never broken."""
        lines = self.wrap([*self.words(f"{tag} {text}"), *names])
        if lines[0].startswith(tag):
            lines[0] = self.paint(style, tag) + lines[0][len(tag) :]
        return lines


def _cut(word: str, room: int) -> list[str]:
    parts = [""]
    for character in word:
        if columns(parts[-1]) + columns(character) > room:
            parts.append("")
        parts[-1] += character
    return parts

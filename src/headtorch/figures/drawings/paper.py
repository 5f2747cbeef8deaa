"""What all drawings share: colours, escaped elements, and the frame with its axes.

Widths are percentages and heights are pixels, so that a drawing fits any width while its type keeps its size. Curves
lie in an inner picture of 1000 x 1000 that is stretched, with lines that are not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from headtorch.figures.scale import Scale, tick

COLOURS = {  # of a page that defines none
    "ink": "#1c2230",
    "muted": "#667085",
    "line": "#e4e7ec",
    "surface": "#fff",
    "good": "#2f9e6e",
    "broken": "#b4155e",
    "mark": "#c0392b",
    **{f"c{n}": c for n, c in enumerate(("#2b62c4", "#d0661c", "#0f8a7e", "#8b4fc0", "#a77d00", "#c03a76"))},
    **{f"fit{n}": c for n, c in enumerate(("#dcefe5", "#c3e3d2", "#a5d3bc"))},
    **{f"less{n}": c for n, c in enumerate(("#c7d9f2", "#8fb2e3", "#4d7fc9", "#234f96"))},
    **{f"more{n}": c for n, c in enumerate(("#f8d9c4", "#f0a884", "#dc6a4a", "#a82c26"))},
}
INK, MUTED, LINE, SURFACE, GOOD, BROKEN, MARK = (f"var(--{name})" for name in list(COLOURS)[:7])
PALETTE, HEALTHY, LESS, MORE = (
    tuple(f"var(--{name})" for name in COLOURS if re.fullmatch(rf"{kind}\d", name))
    for kind in ("c", "fit", "less", "more")
)
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
SIZE = 11
GUTTER = 7.0  # percent of the width, left of what is plotted
PLOTTED = 92.0  # percent
CHARACTER = 0.011  # of the width of a plot of 550 pixels


def clean(text: str) -> str:
    """Text without the characters that XML does not have and those that would turn the text around."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Cn", "Co") else "\ufffd" for c in text)


def text(x: str, y: float, words: str, fill: str = MUTED, anchor: str = "start", **more: str) -> str:
    """A line of text; `more` are attributes."""
    side = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y:g}" fill="{fill}"{side}{attributes(more)}>{escape(clean(words))}</text>'


def attributes(values: dict[str, str]) -> str:
    """Attributes as they stand in a tag; an underscore in a name stands for a hyphen."""
    return "".join(f" {name.replace('_', '-')}={quoteattr(clean(value))}" for name, value in values.items())


def sheet(title: str, description: str, height: float, content: str, kind: str) -> str:
    """The whole drawing with its title and its description for those who cannot see it."""
    return (
        f'<svg class="figure {kind}" role="img" width="100%" height="{height:g}" overflow="visible">'
        f"<title>{escape(clean(title))}</title><desc>{escape(clean(description))}</desc>{content}</svg>"
    )


def plot(top: float, height: float, content: str, left: float = GUTTER, width: float = PLOTTED) -> str:
    """The part of a drawing that lies inside its axes; what hangs out of it is drawn too."""
    return f'<svg x="{left:g}%" y="{top:g}" width="{width:g}%" height="{height:g}" overflow="visible">{content}</svg>'


def stretched(content: str) -> str:
    """Curves in a picture of 1000 x 1000 that fills the plot, cut off at its edges."""
    return f'<svg width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none">{content}</svg>'


def axes(x: Scale, y: Scale, height: float, label: str, x_ticks: int = 5, y_ticks: int = 4) -> str:
    """Lines at the round values of y, the labels of both axes, and what x is."""
    parts = []
    for value in y.ticks(y_ticks):
        at = (1 - y.place(value)) * height
        parts.append(f'<line x1="0" x2="100%" y1="{at:.1f}" y2="{at:.1f}" stroke="{LINE}"/>')
        parts.append(text("0", at + 3.5, tick(value), anchor="end", dx="-7"))
    parts.append(f'<line x1="0" x2="100%" y1="{height:g}" y2="{height:g}" stroke="{MUTED}" stroke-opacity="0.6"/>')
    room = 1 - (len(label) + 3) * CHARACTER if label else 1.01
    values = [value for value in x.ticks(x_ticks) if x.place(value) < room]
    for value in values:
        at = x.place(value) * 100
        parts.append(f'<line x1="{at:.2f}%" x2="{at:.2f}%" y1="{height:g}" y2="{height + 4:g}" stroke="{MUTED}"/>')
        parts.append(text(f"{at:.2f}%", height + 16, tick(value), anchor="middle"))
    parts.append(text("100%", height + 16, label, anchor="end"))
    return "".join(parts)


def point(x: float, y: float) -> str:
    """A place in the stretched picture."""
    return f"{round(x * 1000)} {round((1 - y) * 1000)}"


def rows_of(words: Sequence[str], most: int) -> list[list[int]]:
    """The numbers of `words`, in rows of at most `most` characters."""
    rows: list[list[int]] = []
    left = 0
    for number, word in enumerate(words):
        if not rows or len(word) + 4 > left:
            rows.append([])
            left = most
        rows[-1].append(number)
        left -= len(word) + 4
    return rows

"""Rows of cells over steps: what is healthy is calm, what is too small blue, what is too large red."""

from __future__ import annotations

import math
from itertools import groupby
from xml.sax.saxutils import escape

from headtorch.figures import Strip
from headtorch.figures.drawings.paper import (
    BROKEN,
    HEALTHY,
    INK,
    LESS,
    MORE,
    MUTED,
    attributes,
    clean,
    plot,
    sheet,
    text,
)
from headtorch.figures.scale import Scale, tick

NAMES = 25.0  # percent of the width, for the names of the rows
NAME_CHARACTERS = 26
TALLEST, LOWEST = 18.0, 3.6  # pixels a row
WHOLE = 340.0  # pixels that many rows share
NAME_EVERY = 11.0  # pixels that a name needs
TINY = 1e-12  # where a logarithmic scale of an open range ends
PLAIN = LESS


def draw_strip(strip: Strip, height: float | None) -> str:
    """A strip as SVG: names of the rows, cells, steps, and what the colours mean."""
    count = max(len(strip.rows), 1)
    row = min(TALLEST, max(LOWEST, (height or WHOLE) / count))
    whole = row * count
    paths: dict[str, list[str]] = {}
    inside = healthy_scale(strip)
    for number, values in enumerate(strip.values):
        column = 0
        for colour, cells in groupby(values, key=lambda value: colour_of(value, strip, inside)):
            length = len(list(cells))
            if colour:
                paths.setdefault(colour, []).append(f"M{column} {number}h{length}")
            column += length
    width = max(len(strip.steps), 1)
    cells_drawn = "".join(f'<path d="{"".join(d)}" stroke="{colour}"/>' for colour, d in paths.items())
    picture = (
        f'<svg width="100%" height="{whole:g}" viewBox="0 -.5 {width} {count}" preserveAspectRatio="none" '
        f'shape-rendering="crispEdges" stroke-width="1" fill="none">{cells_drawn}</svg>'
    )
    every = math.ceil(NAME_EVERY / row)
    names = "".join(
        text("0", (number + 0.5) * row + 4, _short(name), INK if every == 1 else MUTED, anchor="end", dx="-8")
        for number, name in enumerate(strip.rows)
        if number % every == 0
    )
    foot = whole + 15
    key = plot(whole + 28, 12, _key(strip), 0, 100)
    content = plot(0, whole, picture + names + _links(strip, row) + _steps(strip, foot), NAMES, 100 - NAMES) + key
    return sheet(strip.title, describe(strip), whole + 44, content, "strip")


def describe(strip: Strip) -> str:
    """How much of the strip is healthy, in words."""
    values = [value for row in strip.values for value in row if not math.isnan(value)]
    healthy = f"healthy is {_range(strip)}. " if _range(strip) else ""
    if not values:
        return f"{len(strip.rows)} rows, {healthy}nothing was measured"
    outside = sum(not is_healthy(value, strip) for value in values) / len(values)
    share = f"{outside:.0%} of the cells lie outside of it. " if healthy else ""
    return (
        f"{len(strip.rows)} rows, {healthy}{share}The smallest value is {tick(min(values))}, the largest "
        f"{tick(max(values))}"
    )


def is_healthy(value: float, strip: Strip) -> bool:
    """Whether a value lies in the healthy range."""
    return (strip.low is None or value >= strip.low) and (strip.high is None or value <= strip.high)


def healthy_scale(strip: Strip) -> Scale:
    """The stretch of values that the calm colours divide; where an end is open, what was measured ends it."""
    finite = [value for row in strip.values for value in row if math.isfinite(value)]
    low = strip.low if strip.low is not None else min(finite, default=0.0)
    high = strip.high if strip.high is not None else max(finite, default=1.0)
    if strip.log:
        low, high = max(low, TINY), max(high, TINY)
    return Scale(low, high if high > low else low * 2 + 1, strip.log)


def colour_of(value: float, strip: Strip, inside: Scale) -> str:
    """The colour of a cell; none where nothing was measured."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return BROKEN
    if strip.low is not None and value < strip.low:
        return LESS[_away(value, strip.low, strip.log, 0.0)]
    if strip.high is not None and value > strip.high:
        return MORE[_away(value, strip.high, strip.log, 1.0)]
    colours = HEALTHY if _range(strip) else PLAIN
    return colours[min(max(int(inside.place(value) * len(colours)), 0), len(colours) - 1)]


def _away(value: float, end: float, log: bool, limit: float) -> int:
    """How far outside, from 0 to 3: in decades, or as a part of the way to the end of a share."""
    if log:
        return min(int(abs(math.log10(max(value, 1e-30) / end))), 3)
    return min(int(abs(value - end) / max(abs(limit - end), 1e-9) * 4), 3)


def _range(strip: Strip) -> str:
    if strip.low is not None and strip.high is not None:
        return f"{tick(strip.low)} to {tick(strip.high)}"
    if strip.high is not None:
        return f"at most {tick(strip.high)}"
    return f"at least {tick(strip.low)}" if strip.low is not None else ""


def _links(strip: Strip, row: float) -> str:
    """A row's whole width leads to where more is told of it."""
    links = "".join(
        f'<a{attributes({"href": link, "tabindex": "-1"})}><rect width="100%" y="{number * row:.1f}" '
        f'height="{row:.1f}"><title>{escape(clean(strip.rows[number]))}</title></rect></a>'
        for number, link in enumerate(strip.links)
    )
    return f'<svg x="-33%" width="133%" overflow="visible" fill="transparent">{links}</svg>' if links else ""


def _steps(strip: Strip, y: float) -> str:
    """The steps of some columns: columns stand for looked-at steps, which are not evenly spaced."""
    if not strip.steps:
        return ""
    columns = sorted({round(part * (len(strip.steps) - 1)) for part in (0, 1 / 3, 2 / 3)})
    labels = [
        text(
            f"{column / len(strip.steps) * 100:.1f}%",
            y,
            tick(strip.steps[column]),
            anchor="start" if not column else "middle",
        )
        for column in columns
    ]
    return "".join(labels) + text("100%", y, f"step {tick(strip.steps[-1])}", anchor="end")


def _key(strip: Strip) -> str:
    """What the colours mean: a square for each, with words at the ends."""
    healthy = _range(strip)
    colours = [*(reversed(LESS) if strip.low is not None else ()), *HEALTHY, *(MORE if strip.high is not None else ())]
    if not healthy:
        colours = list(PLAIN)
    size = 14
    squares = "".join(
        f'<rect x="{number * size}" y="0" width="{size}" height="9" fill="{colour}"/>'
        for number, colour in enumerate(colours)
    )
    words = f"healthy: {healthy}" if healthy else "small to large"
    return squares + text(str(len(colours) * size + 8), 9, words)


def _short(name: str) -> str:
    """A name with its end, which tells layers apart."""
    return name if len(name) <= NAME_CHARACTERS else f"…{name[1 - NAME_CHARACTERS :]}"

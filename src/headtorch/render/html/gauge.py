"""A gauge: one measured number on a line, with its healthy range."""

from __future__ import annotations

import math

from headtorch.figures.drawings.paper import GOOD, LINE, MARK, plot, sheet, text
from headtorch.figures.scale import Scale, tick
from headtorch.render.html.ranges import Range

HEIGHT = 30
ROOM = 1.6  # what is shown beyond the outermost number, as a factor on a logarithmic line


def gauge(name: str, value: float, healthy: Range) -> str:
    """A gauge as SVG."""
    scale = _scale(value, healthy)
    low = 0.0 if healthy.low is None else _place(scale, healthy.low)
    high = 1.0 if healthy.high is None else _place(scale, healthy.high)
    at = _place(scale, value)
    inside = at >= low and at <= high
    colour = GOOD if inside else MARK
    parts = [
        f'<rect y="7" width="100%" height="6" rx="3" fill="{LINE}"/>',
        f'<rect x="{low:.1%}" y="7" width="{max(high - low, 0.015):.1%}" height="6" rx="3" fill="{GOOD}" '
        'fill-opacity="0.55"/>',
        f'<circle cx="{at:.1%}" cy="10" r="5.5" fill="{colour}" stroke="var(--surface)" stroke-width="2"/>',
    ]
    for end in {healthy.low, healthy.high} - {None, value}:
        assert end is not None
        place = _place(scale, end)
        anchor = "start" if place < 0.06 else "end" if place > 0.94 else "middle"
        parts.append(text(f"{place:.1%}", 27, tick(end), anchor=anchor))
    judged = "within the healthy range" if inside else "outside of the healthy range"
    return sheet(name, f"{tick(value)}, {judged}", HEIGHT, plot(0, HEIGHT, "".join(parts), 1, 98), "gauge")


def _scale(value: float, healthy: Range) -> Scale:
    """A line that shows the value and the healthy range; of a share the whole, from 0 to 1."""
    numbers = [number for number in (value, healthy.low, healthy.high) if number is not None]
    low, high = min(numbers), max(numbers)
    if low > 0 and high / low > 20:
        return Scale(low / ROOM, high * ROOM, log=True)
    if low >= 0 and high <= 1:
        return Scale(0.0, 1.0) if high > 0.2 else Scale(0.0, high * 1.2 or 1.0)
    room = (high - low) * 0.15 or 1.0
    return Scale(0.0 if low >= 0 else low - room, high + room)


def _place(scale: Scale, value: float) -> float:
    place = scale.place(value)
    return min(max(place, 0.0), 1.0) if math.isfinite(place) else 1.0

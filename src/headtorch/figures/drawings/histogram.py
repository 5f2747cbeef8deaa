"""How often values fall into stretches of their range."""

from __future__ import annotations

from headtorch.figures import Histogram
from headtorch.figures.drawings.paper import GOOD, MUTED, PALETTE, plot, sheet, text
from headtorch.figures.scale import Scale, tick


def draw_histogram(histogram: Histogram, height: float) -> str:
    """A histogram as SVG, with the values beneath."""
    low, high = (histogram.edges[0], histogram.edges[-1]) if histogram.edges else (0.0, 1.0)
    x = Scale(low, high if high > low else low + 1.0, histogram.log)
    most = max(histogram.counts, default=0) or 1
    parts = []
    for band in histogram.bands:
        start, stop = (min(max(x.place(end), 0.0), 1.0) for end in (band.low, band.high))
        parts.append(
            f'<rect x="{start * 100:.2f}%" width="{(stop - start) * 100:.2f}%" height="100%" fill="{GOOD}" '
            'fill-opacity="0.13"/>'
        )
        if stop > start:
            parts.append(text(f"{start * 100:.2f}%", 11, band.label, GOOD, dx="4"))
    for count, left, right in zip(histogram.counts, histogram.edges, histogram.edges[1:], strict=False):
        if not count:
            continue
        start, stop, share = x.place(left) * 100, x.place(right) * 100, count / most * 100
        parts.append(
            f'<rect x="{start:.2f}%" width="{max(stop - start - 0.3, 0.2):.2f}%" y="{100 - share:.2f}%" '
            f'height="{share:.2f}%" fill="{PALETTE[0]}"/>'
        )
    parts.append(f'<line x2="100%" y1="{height:g}" y2="{height:g}" stroke="{MUTED}" stroke-opacity="0.6"/>')
    for value in x.ticks(4):
        place = x.place(value)
        anchor = "start" if place < 0.05 else "end" if place > 0.95 else "middle"
        parts.append(text(f"{place * 100:.2f}%", height + 15, tick(value), anchor=anchor))
    label = text("0", 9, histogram.label)
    content = label + plot(18, height, "".join(parts), 0, 100)
    return sheet(histogram.title, describe(histogram), height + 38, content, "histogram")


def describe(histogram: Histogram) -> str:
    """Where most values lie, in words."""
    if not any(histogram.counts):
        return "no values"
    top = max(range(len(histogram.counts)), key=lambda number: histogram.counts[number])
    return (
        f"{histogram.label} from {tick(histogram.edges[0])} to {tick(histogram.edges[-1])}, most often between "
        f"{tick(histogram.edges[top])} and {tick(histogram.edges[top + 1])}"
    )

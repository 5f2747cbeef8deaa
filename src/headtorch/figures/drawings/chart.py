"""Curves over one pair of axes."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from headtorch.figures import Band, Chart, Marker, Series
from headtorch.figures.drawings.paper import (
    GOOD,
    INK,
    MARK,
    PALETTE,
    SURFACE,
    axes,
    clean,
    plot,
    point,
    rows_of,
    sheet,
    stretched,
    text,
)
from headtorch.figures.scale import Scale, scale, tick

LEGEND_CHARACTERS = 48  # in a row, so that it fits a phone
LEGEND_ROW = 16
FOOT = 22
HALO = {"stroke": SURFACE, "stroke_width": "3", "paint_order": "stroke"}


def draw_chart(chart: Chart, height: float) -> str:
    """A chart as SVG: legend, what y is, the plot, what x is."""
    x, y = scales(chart)
    legend, legend_height = _legend(chart)
    top = legend_height + 18
    curves = [_curve(series, number, x, y) for number, series in enumerate(chart.series)]
    inside = "".join(
        [
            "".join(_band(band, x, y) for band in chart.bands),
            axes(x, y, height, chart.x.label, y_ticks=4 if height >= 120 else 2),
            stretched("".join(curves)),
            "".join(_dots(series, number, x, y) for number, series in enumerate(chart.series)),
            "".join(_band_label(band, x, y, height) for band in chart.bands),
            "".join(_marker(marker, x, height) for marker in chart.markers),
        ]
    )
    label = text("0", legend_height + 8, chart.y.label + (", logarithmic" if chart.y.log else ""))
    content = legend + label + plot(top, height, inside)
    return sheet(chart.title, describe(chart), top + height + FOOT, content, "chart")


def scales(chart: Chart) -> tuple[Scale, Scale]:
    """The stretch of each axis: what is drawn, and of the bands those ends that lie near it."""
    values = [value for series in chart.series for value in (*series.y, *series.low, *series.high)]
    finite = [abs(value) for value in values if math.isfinite(value)]
    reach = 3 * max(finite, default=math.inf)
    values += [end for band in chart.bands if not band.upright for end in (band.low, band.high) if abs(end) <= reach]
    y = scale(chart.y, values)
    if chart.y.high is None and not chart.y.log:
        y = y._replace(high=y.high + (y.high - y.low) * 0.04)
    steps = [value for series in chart.series for value in series.x]
    x = scale(chart.x, steps)
    if chart.x.low is None and steps:
        x = scale(chart.x, steps)._replace(low=min(steps)) if min(steps) < max(steps) else x
    return x, y


def describe(chart: Chart) -> str:
    """What the curves do, in words."""
    parts = []
    for series in chart.series:
        finite = [value for value in series.y if math.isfinite(value)]
        if finite:
            parts.append(
                f"{series.name}: from {tick(finite[0])} to {tick(finite[-1])}, "
                f"between {tick(min(finite))} and {tick(max(finite))}"
            )
    parts += [f"{band.label}: {tick(band.low)} to {tick(band.high)}" for band in chart.bands]
    parts += [f"{marker.label} at {tick(marker.x)}" for marker in chart.markers]
    return ". ".join(parts)


def _colour(series: Series, number: int) -> str:
    return PALETTE[(number if series.colour is None else series.colour) % len(PALETTE)]


def _curve(series: Series, number: int, x: Scale, y: Scale) -> str:
    colour, parts = _colour(series, number), []
    if series.low and series.high:
        parts.append(f'<path d="{_shade(series, x, y)}" fill="{colour}" fill-opacity="0.16"/>')
    if not series.dots:
        dash = ' stroke-dasharray="5 4"' if series.dashed else ""
        parts.append(
            f'<path d="{_path(series.x, series.y, x, y)}" fill="none" stroke="{colour}" stroke-width="1.75"{dash} '
            'stroke-linejoin="round" stroke-linecap="round" vector-effect="non-scaling-stroke"/>'
        )
    return "".join(parts)


def _path(xs: tuple[float, ...], ys: tuple[float, ...], x: Scale, y: Scale) -> str:
    parts, pen = [], "M"
    for at, value in zip(xs, ys, strict=True):
        if math.isfinite(value):
            parts.append(pen + point(x.place(at), _within(y.place(value))))
            # A point between two gaps is a line of no length, which a round end makes visible.
            pen = "L"
        elif pen == "L":
            parts.append("h0")
            pen = "M"
    return "".join(parts) + ("h0" if len(parts) == 1 else "")


def _shade(series: Series, x: Scale, y: Scale) -> str:
    """The outline of each stretch without gaps: along the high ends, and back along the low ones."""
    stretches: list[list[tuple[float, float, float]]] = [[]]
    for at, low, high in zip(series.x, series.low, series.high, strict=True):
        if math.isfinite(low) and math.isfinite(high):
            stretches[-1].append((x.place(at), _within(y.place(low)), _within(y.place(high))))
        elif stretches[-1]:
            stretches.append([])
    outlines = []
    for stretch in stretches:
        if len(stretch) > 1:
            there = [point(at, high) for at, _, high in stretch]
            back = [point(at, low) for at, low, _ in reversed(stretch)]
            outlines.append(f"M{'L'.join(there + back)}Z")
    return "".join(outlines)


def _within(place: float) -> float:
    """A place that a picture can hold: far outside it is as good as just outside."""
    return min(max(place, -1.0), 2.0)


def _dots(series: Series, number: int, x: Scale, y: Scale) -> str:
    if not series.dots:
        return ""
    colour = _colour(series, number)
    return "".join(
        f'<circle cx="{x.place(at) * 100:.2f}%" cy="{(1 - y.place(value)) * 100:.2f}%" r="2.5" fill="{colour}"/>'
        for at, value in zip(series.x, series.y, strict=True)
        if math.isfinite(value) and 0 <= y.place(value) <= 1
    )


def _ends(band: Band, along: Scale) -> tuple[float, float]:
    low, high = (min(max(along.place(end), 0.0), 1.0) for end in (band.low, band.high))
    return low, high


def _band(band: Band, x: Scale, y: Scale) -> str:
    low, high = _ends(band, x if band.upright else y)
    if band.upright:
        return (
            f'<rect x="{low * 100:.2f}%" width="{(high - low) * 100:.2f}%" height="100%" fill="{GOOD}" '
            'fill-opacity="0.1"/>'
        )
    size = max((high - low) * 100, 0.6)
    return f'<rect y="{(1 - high) * 100:.2f}%" width="100%" height="{size:.2f}%" fill="{GOOD}" fill-opacity="0.13"/>'


def _band_label(band: Band, x: Scale, y: Scale, height: float) -> str:
    low, high = _ends(band, x if band.upright else y)
    if low == high and low in (0.0, 1.0):
        return ""
    if band.upright:
        return text(f"{low * 100:.2f}%", 12, band.label, GOOD, dx="4", **HALO)
    above = (1 - high) * height - 5
    return text("100%", above if above > 10 else above + 18, band.label, GOOD, anchor="end", **HALO)


def _marker(marker: Marker, x: Scale, height: float) -> str:
    place = x.place(marker.x)
    if not 0 <= place <= 1:
        return ""
    at = f"{place * 100:.2f}%"
    side = ("start", "5") if place < 0.7 else ("end", "-5")
    return (
        f'<line x1="{at}" x2="{at}" y1="0" y2="{height:g}" stroke="{MARK}" stroke-dasharray="2 3"/>'
        f'<circle cx="{at}" cy="0" r="3" fill="{MARK}"/>'
    ) + text(at, 3, marker.label, MARK, anchor=side[0], dx=side[1], **HALO)


def _legend(chart: Chart) -> tuple[str, int]:
    """The names of several curves, each with a piece of its line; none for a single one."""
    named = [(number, series) for number, series in enumerate(chart.series) if series.name]
    if len(named) < 2:
        return "", 0
    lines = []
    for row, members in enumerate(rows_of([series.name for _, series in named], LEGEND_CHARACTERS)):
        spans: list[str] = []
        for member in members:
            number, series = named[member]
            sign = "●" if series.dots else "╌╌" if series.dashed else "━━"
            spans.append(
                f'<tspan fill="{_colour(series, number)}" dx="{0 if not spans else 14}">{sign}</tspan>'
                f'<tspan dx="5">{escape(clean(series.name))}</tspan>'
            )
        lines.append(f'<text y="{9 + row * LEGEND_ROW}" fill="{INK}">{"".join(spans)}</text>')
    return "".join(lines), len(lines) * LEGEND_ROW + 4

"""The table behind a figure: the same in numbers, for those who do not see it."""

from __future__ import annotations

import math

from headtorch.figures import Chart, Figure, Histogram, Picture, Strip, Table
from headtorch.figures.scale import tick

MOST_ROWS = 24


def table(figure: Figure, most: int = MOST_ROWS) -> Table:
    """A figure's numbers, at most `most` rows of a curve."""
    if isinstance(figure, Chart):
        return _of_chart(figure, most)
    if isinstance(figure, Strip):
        return _of_strip(figure)
    if isinstance(figure, Histogram):
        edges = zip(figure.edges, figure.edges[1:], figure.counts, strict=False)
        rows = tuple((f"{tick(low)} to {tick(high)}", f"{count:g}") for low, high, count in edges)
        return Table(figure.title, (figure.label, "how many"), rows)
    if isinstance(figure, Picture):
        return Table(figure.title, (), tuple(tuple(f"{value:.2f}" for value in row) for row in figure.rows))
    return figure


def _of_chart(chart: Chart, most: int) -> Table:
    """A row for some x of the longest curve: of each curve the last value up to there."""
    longest = max(chart.series, key=lambda series: len(series.x), default=None)
    if longest is None:
        return Table(chart.title, (chart.x.label, chart.y.label), ())
    count = len(longest.x)
    chosen = sorted({round(n * (count - 1) / (most - 1)) for n in range(most)}) if count else []
    rows = []
    for at in (longest.x[number] for number in chosen):
        cells = []
        for series in chart.series:
            upto = [value for step, value in zip(series.x, series.y, strict=True) if step <= at]
            cells.append(tick(upto[-1]) if upto else "")
        rows.append((f"{at:g}", *cells))
    return Table(chart.title, (chart.x.label, *(series.name or chart.y.label for series in chart.series)), tuple(rows))


def _of_strip(strip: Strip) -> Table:
    rows = []
    for name, values in zip(strip.rows, strip.values, strict=True):
        seen = sorted(value for value in values if not math.isnan(value))
        measured = [value for value in values if not math.isnan(value)]
        middle = seen[len(seen) // 2] if seen else math.nan
        ends = (measured[0], middle, measured[-1]) if measured else (math.nan,) * 3
        rows.append((name, *map(tick, ends)))
    return Table(strip.title, ("", "first", "median", "last"), tuple(rows))

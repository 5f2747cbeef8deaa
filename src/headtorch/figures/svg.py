"""Figures as SVG that stands in a page: as wide as there is room, its type always of one size, its colours the page's.

Colours are CSS variables (`--ink`, `--muted`, `--line`, `--surface`, `--c0` ... `--c5`, `--good`, `--less0` ...,
`--more0` ..., `--broken`) with what they are in a light page where no page defines them. Nothing is a style attribute:
a page may forbid these. All text is escaped.
"""

from __future__ import annotations

from headtorch.figures import Chart, Figure, Histogram, Picture, Strip, Table
from headtorch.figures.drawings.chart import draw_chart
from headtorch.figures.drawings.histogram import draw_histogram
from headtorch.figures.drawings.picture import draw_picture
from headtorch.figures.drawings.strip import draw_strip
from headtorch.figures.drawings.table import draw_table


def svg(figure: Figure, height: int | None = None) -> str:
    """`figure` as an SVG element, a table as an HTML table. `height` in pixels is that of what is plotted."""
    if isinstance(figure, Chart):
        return draw_chart(figure, height or 220)
    if isinstance(figure, Strip):
        return draw_strip(figure, height)
    if isinstance(figure, Histogram):
        return draw_histogram(figure, height or 120)
    if isinstance(figure, Picture):
        return draw_picture(figure, height or 140)
    assert isinstance(figure, Table)
    return draw_table(figure)

"""Figures as SVG that stands in a page: as wide as there is room, its type always of one size, its colours the page's.

Colours are CSS variables, those of `paper.COLOURS`, which the page defines as it does the type. Nothing is a style
attribute: a page may forbid these. All text is escaped.
"""

from __future__ import annotations

from headtorch.figures import Chart, Figure, Histogram, Picture, Strip, Table
from headtorch.figures.drawings.chart import draw_chart
from headtorch.figures.drawings.histogram import draw_histogram
from headtorch.figures.drawings.paper import COLOURS, FONT, SIZE
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


def svg_file(figure: Figure, height: int | None = None) -> str:
    """`figure` as an SVG that is a file of its own, in light colours."""
    colours = "".join(f"--{name}:{colour};" for name, colour in COLOURS.items())
    style = f"<style>svg{{{colours}font-family:{FONT};font-size:{SIZE}px}}</style>"
    head, tag, rest = svg(figure, height).partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg"{tag}{style}{rest}'

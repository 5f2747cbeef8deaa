"""A grey image, a square for each brightness."""

from __future__ import annotations

import math
from itertools import groupby

from headtorch.figures import Picture
from headtorch.figures.drawings.paper import sheet

SHADES = 50


def draw_picture(picture: Picture, height: float) -> str:
    """A picture as SVG. It has its own black and white: a photograph is no negative on a dark page."""
    wide, high = max((len(row) for row in picture.rows), default=1), max(len(picture.rows), 1)
    # One path for each shade, a stroke of it for each run of squares: an element for each square is ten times as much.
    runs: dict[int, list[str]] = {}
    for line, row in enumerate(picture.rows):
        column = 0
        for shade, squares in groupby(map(_shade, row)):
            length = len(list(squares))
            if shade:
                runs.setdefault(shade, []).append(f"M{column} {line + 0.5}h{length + 0.02}")
            column += length
    cells = "".join(f'<path d="{"".join(runs[shade])}" stroke-opacity="{shade / SHADES:g}"/>' for shade in sorted(runs))
    content = (
        f'<svg width="100%" height="{height:g}" viewBox="0 0 {wide} {high}" preserveAspectRatio="xMinYMid" '
        f'fill="none" stroke="#000" stroke-width="1" shape-rendering="crispEdges">'
        f'<rect width="{wide}" height="{high}" fill="#fff" stroke="none"/>{cells}</svg>'
    )
    return sheet(picture.title, f"an image of {wide} by {high}", height, content, "picture")


def _shade(value: float) -> int:
    """How dark a brightness is; what is no number is left empty."""
    return 0 if math.isnan(value) else round(SHADES * (1 - min(max(value, 0.0), 1.0)))

"""A grey image, a square for each brightness."""

from __future__ import annotations

from headtorch.figures import Picture
from headtorch.figures.drawings.paper import INK, sheet


def draw_picture(picture: Picture, height: float) -> str:
    """A picture as SVG: what is bright is left empty, what is dark is drawn."""
    wide, high = max((len(row) for row in picture.rows), default=1), max(len(picture.rows), 1)
    cells = "".join(
        f'<rect x="{column}" y="{line}" width="1.02" height="1.02" fill-opacity="{1 - min(max(value, 0.0), 1.0):.2g}"/>'
        for line, row in enumerate(picture.rows)
        for column, value in enumerate(row)
        if value < 0.99
    )
    content = (
        f'<svg width="100%" height="{height:g}" viewBox="0 0 {wide} {high}" preserveAspectRatio="xMinYMid" '
        f'fill="{INK}" shape-rendering="crispEdges">{cells}</svg>'
    )
    return sheet(picture.title, f"an image of {wide} by {high}", height, content, "picture")

"""A table, in HTML."""

from __future__ import annotations

from xml.sax.saxutils import escape

from headtorch.figures import Table
from headtorch.figures.drawings.paper import clean


def draw_table(table: Table) -> str:
    """A table as HTML with a caption."""
    head = "".join(f'<th scope="col">{escape(clean(heading))}</th>' for heading in table.headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(clean(cell))}</td>" for cell in row) + "</tr>" for row in table.rows)
    caption = f"<caption>{escape(clean(table.title))}</caption>" if table.title else ""
    return f'<table class="figure">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'

"""The templates of the page, and what they call to draw a record. All text in them is made visible and escaped."""

from __future__ import annotations

import hashlib
import time
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from headtorch.figures import Figure
from headtorch.figures.svg import svg
from headtorch.figures.tables import MOST_ROWS, table
from headtorch.model import Where
from headtorch.render.html.cards import outcome
from headtorch.render.html.spark import spark
from headtorch.render.numbers import count, duration, figure
from headtorch.render.visible import visible

HERE = Path(__file__).parent
STATIC = HERE / "static"


@cache
def environment() -> Environment:
    """The environment of the templates."""
    made = Environment(
        loader=FileSystemLoader([HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "svg": lambda drawing, height=None: Markup(svg(drawing, height)),
        "table": _table,
        "raw": Markup,
        "prose": _prose,
        "count": count,
        "duration": duration,
        "date": lambda seconds: time.strftime("%-d %b %Y, %H:%M", time.localtime(seconds)),
        "place": _place,
        "figure": figure,
        "spark": spark,
        "sentence": _sentence,
        "line_anchor": line_anchor,
        "at_steps": _at_steps,
        "outcome": outcome,
        "lines": lambda text: Markup(escape("\n".join(map(visible, text.split("\n"))))),
    }
    return made


def drawn(template: str, **values: Any) -> Markup:
    """A template with its values."""
    return Markup(environment().get_template(template).render(values))


def line_anchor(where: Where | tuple[str, int]) -> str:
    """The address of a line of source within the page. The file's name is not in it: it may be any text."""
    file, line = (where.file, where.line) if isinstance(where, Where) else where
    return f"line-{hashlib.sha1(file.encode('utf-8', 'replace')).hexdigest()[:8]}-{line}"


def _shown(value: Any) -> Any:
    return value if isinstance(value, Markup) else visible(str(value))


def _prose(text: str) -> Markup:
    """Words in which code stands between backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(visible(text))
    pieces = [escape(visible(part)) for part in parts]
    return Markup().join(Markup("<code>{}</code>").format(p) if n % 2 else p for n, p in enumerate(pieces))


def _sentence(text: str) -> Markup:
    """Words as a headline: a letter at its beginning is a capital one."""
    return _prose(text[:1].upper() + text[1:])


def _place(where: Where) -> str:
    """A place by the name of its file: the whole path stands with the source."""
    column = "" if where.column is None else f":{where.column}"
    return f"{PurePath(where.file).name}:{where.line}{column}"


def _table(drawing: Figure, most: int = MOST_ROWS) -> Markup:
    return Markup(svg(table(drawing, most)))


def _at_steps(steps: str) -> str:
    if not steps[:1].isdigit():
        return steps
    return f"step {steps}" if steps.replace(",", "").isdigit() else f"steps {steps}"

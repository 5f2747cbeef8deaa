"""The report as one HTML page that loads nothing: for a mail, a pull request, or years later.

The report names its run file; curves and what lies inside the network are read from there. Where that file is gone, the
page holds the findings and the source alone, and says so.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from headtorch import __version__
from headtorch.model import Report, UserError
from headtorch.render.html import parts
from headtorch.render.html.curves import curves_json
from headtorch.render.html.losses import losses
from headtorch.render.html.templates import STATIC, drawn
from headtorch.render.html.uplot import UPLOT_SCRIPT, UPLOT_STYLE
from headtorch.signals import Signals
from headtorch.store.run import Run

SUFFIX = ".html"
POINTS = 900  # of the loss, for zooming
SIZE = 395_000  # characters of a page with as many histories of layers as there is room for
GONE = "the run file cannot be read any more, so the loss and the inside of the network are not shown: {}"


def render(report: Report, sources: Mapping[str, str]) -> str:
    """`report` as an HTML page that is whole in itself."""
    try:
        run = Run(Path(report.run.file))
    except UserError as error:
        return _page(report, sources, "", drawn("trouble.html", trouble=GONE.format(error)), Markup())
    try:
        signals = Signals(run)
        shown = losses(signals, report.findings)
        dense = losses(signals, report.findings, POINTS)
        data = Markup(curves_json(dense)) if dense is not None and UPLOT_SCRIPT.exists() else ""
        loss = parts.loss_part(shown, data=data)
        detail = str(run.facts.get("detail", ""))
        without = _page(report, sources, detail, loss, parts.inside_part(parts.inside(signals, report.findings, 0)))
        room = max(SIZE - len(without), 0)
        return _page(report, sources, detail, loss, parts.inside_part(parts.inside(signals, report.findings, room)))
    finally:
        run.close()


def _page(report: Report, sources: Mapping[str, str], detail: str, loss: Markup, inside: Markup) -> str:
    plotting = data_scripts() if "application/json" in loss else []
    style = _text(STATIC / "page.css") + (_text(UPLOT_STYLE) if plotting else "")
    scripts = [*plotting, {"text": Markup(_text(STATIC / "page.js")), "module": True}]
    allowed = " ".join(_hash(script["text"]) for script in scripts)
    return drawn(
        "report.html",
        title=f"{Path(report.run.script).name}",
        home="",
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {allowed}; img-src data:; base-uri 'none'; "
        "form-action 'none'",
        style=Markup(style),
        scripts=scripts,
        version=__version__,
        now=time.time(),
        header=parts.header_part(parts.heading(report.run, detail), parts.verdict(report, running=False)),
        findings=parts.findings_part(report, sources),
        loss=loss,
        inside=inside,
        source=parts.source_part(report, sources, report.run.script),
    )


def data_scripts() -> list[dict[str, Any]]:
    """What draws curves with zoom, where it is installed."""
    return [{"text": Markup(_text(UPLOT_SCRIPT)), "module": False}] if UPLOT_SCRIPT.exists() else []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """A source as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

"""Pages: what the server answers under which address. Everything is drawn by the templates of the report."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from headtorch.labs import labs_of
from headtorch.model import Finding, Report, UserError
from headtorch.render.html import parts
from headtorch.render.html.compared import Compared, compared
from headtorch.render.html.curves import curves_json
from headtorch.render.html.histories import named
from headtorch.render.html.losses import Window, losses
from headtorch.render.html.templates import STATIC, drawn
from headtorch.render.html.uplot import MISSING, UPLOT_SCRIPT
from headtorch.rules import rule_named
from headtorch.signals import Signals
from headtorch.web.live import Live
from headtorch.web.shelf import Shelf
from headtorch.web.watched import Diagnosis, Watched, running

PATIENCE = 0.3  # seconds that a page waits for a first diagnosis before it is shown without
SOON = 10_000_000  # bytes of a file whose diagnosis may be ready so soon
POINTS = 900
MOST_POINTS = 4000
MOST_COMPARED = 5
LATER = '<p class="quiet" data-later>Reading what was measured …</p>'
PATIENCE_FOR_SEVERAL = 10  # seconds


class Pages:
    """The routes of the live page."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.live = Live(shelf)

    def app(self, labs: Sequence[BaseRoute] = ()) -> Starlette:
        """The application; `labs` are routes of other pages that it carries."""
        return Starlette(
            routes=[
                Route("/", self.index),
                Route("/run/{key}", self.run),
                Route("/run/{key}/part/{part}", self.part),
                Route("/run/{key}/curves", self.curves),
                Route("/run/{key}/layer/{layer}", self.layer),
                Route("/run/{key}/verdict", self.verdict),
                Route("/run/{key}/events", self.events),
                Route("/compare", self.compare),
                Route("/compare/curves", self.compared_curves),
                Route("/explain/{rule}", self.explain),
                Mount("/static", StaticFiles(directory=STATIC)),
                *labs,
            ],
            exception_handlers={HTTPException: _error, UserError: _error},
        )

    # ---- one run ------------------------------------------------------------------------------------------------

    def run(self, request: Request) -> Response:
        """The page of a run. What takes long to find comes later."""
        watched = self._watched(request)
        diagnosis = watched.diagnosed(PATIENCE if watched.size() < SOON else 0)
        with watched.signals() as signals:
            view = View(watched, signals, diagnosis)
            page = drawn("live.html", title=Path(view.head.script).name, key=watched.key, **view.parts())
        return _html(page)

    def part(self, request: Request) -> Response:
        """One part of that page, as it is now."""
        watched, part = self._watched(request), request.path_params["part"]
        with watched.signals() as signals:
            view = View(watched, signals, watched.diagnosis)
            if part not in PARTS:
                raise HTTPException(404, f"there is no part '{part}'")
            return _html(getattr(view, part)())

    def curves(self, request: Request) -> Response:
        """The loss of a run within the steps that are zoomed to."""
        watched = self._watched(request)
        points, window, findings = _points(request), _window(request), _findings(watched.diagnosis)

        def drawn_once(signals: Signals) -> str:
            found = losses(signals, findings, points, window)
            return "" if found is None else curves_json(found)

        return _json(watched.once((points, window), drawn_once))

    def layer(self, request: Request) -> Response:
        """The history of one layer."""
        with self._watched(request).signals() as signals:
            found = named(signals.fits, request.path_params["layer"])
        if found is None:
            raise HTTPException(404, "there is no such layer")
        return _html(drawn("one_history.html", one=found))

    def verdict(self, request: Request) -> Response:
        """The verdict of a run for the list, which waits for it."""
        watched = self._watched(request)
        diagnosis = watched.diagnosed(60)
        report = diagnosis.report if diagnosis is not None else None
        return _html(drawn("verdict.html", verdict=parts.verdict(report, watched.is_running()) if report else None))

    async def events(self, request: Request) -> Response:
        """News of a run, as long as its page is open."""
        return StreamingResponse(self.live.events(self._watched(request)), media_type="text/event-stream")

    # ---- several ------------------------------------------------------------------------------------------------

    def index(self, request: Request) -> Response:
        """The list of all runs."""
        rows = []
        for row in self._shelf.listed():
            watched = self._shelf.get(row.key)
            diagnosis = watched.diagnosis if watched is not None else None
            report = diagnosis.report if diagnosis is not None else None
            rows.append((row, parts.verdict(report, row.running) if report else None))
        return _html(drawn("index.html", title="Runs", rows=rows, folder=str(self._shelf.folder)))

    def compare(self, request: Request) -> Response:
        """Several runs over one another, with what differs between them."""
        found = self._compared(request, judged=True)
        if len(found.runs) < 2:
            return RedirectResponse(f"/run/{found.runs[0].key}" if found.runs else "/", 303)
        address = "/compare/curves?" + "&".join(f"run={run.key}" for run in found.runs)
        loss = parts.loss_part(found.losses, curves=address if UPLOT_SCRIPT.exists() else "", fallback=_fallback())
        return _html(drawn("compare.html", title="Runs compared", found=found, loss=loss))

    def compared_curves(self, request: Request) -> Response:
        """The losses of several runs within the steps that are zoomed to."""
        found = self._compared(request, judged=False).losses
        return _json("" if found is None else curves_json(found))

    def _compared(self, request: Request, *, judged: bool) -> Compared:
        keys = dict.fromkeys(request.query_params.getlist("run"))
        chosen = [watched for key in keys if (watched := self._shelf.get(key))][:MOST_COMPARED]
        with contextlib.ExitStack() as stack:
            runs = []
            for watched in chosen:
                diagnosis = watched.diagnosed(PATIENCE_FOR_SEVERAL if judged else 0)
                report = diagnosis.report if diagnosis is not None else None
                runs.append((watched.key, stack.enter_context(watched.signals()), report))
            return compared(runs, _points(request), _window(request))

    def explain(self, request: Request) -> Response:
        """The page of a rule."""
        rule = rule_named(request.path_params["rule"])
        return _html(drawn("explain.html", title=rule.name, rule=rule, labs=labs_of(rule.name)))

    def _watched(self, request: Request) -> Watched:
        watched = self._shelf.get(request.path_params["key"])
        if watched is None:
            raise HTTPException(404, "there is no such run")
        return watched


PARTS = ("header", "findings", "loss", "inside", "source")


class View:
    """One run as its page shows it now: each part by its name."""

    def __init__(self, watched: Watched, signals: Signals, diagnosis: Diagnosis | None) -> None:
        self._watched = watched
        self._signals = signals
        self._running = running(signals.run)
        self._report = diagnosis.report if diagnosis is not None else None
        self._trouble = diagnosis.trouble if diagnosis is not None else ""
        self.head = parts.heading(signals.run.summary(), str(signals.run.facts.get("detail", "")), self._running)

    def parts(self) -> dict[str, Markup]:
        """All parts of the page, but for the one that takes longest: its script asks for that at once."""
        return {name: Markup(LATER) if name == "inside" else getattr(self, name)() for name in PARTS}

    def header(self) -> Markup:
        """The script, how it ended, and the verdict."""
        judged = parts.verdict(self._report, self._running) if self._report is not None else None
        return parts.header_part(self.head, judged)

    def findings(self) -> Markup:
        """The findings, or that they are being looked for."""
        if self._trouble:
            return drawn("trouble.html", trouble=self._trouble)
        sources = self._signals.run.sources
        return parts.findings_part(self._report, sources, running=self._running, explain="/explain/")

    def loss(self) -> Markup:
        """The loss; its script asks for the curves itself."""
        shown = losses(self._signals, _findings_of(self._report))
        address = f"/run/{self._watched.key}/curves"
        return parts.loss_part(
            shown, running=self._running, curves=address if UPLOT_SCRIPT.exists() else "", fallback=_fallback()
        )

    def inside(self) -> Markup:
        """The inside of the network; the histories of its layers come when they are asked for."""
        found = parts.inside(self._signals, _findings_of(self._report))
        return parts.inside_part(found, running=self._running, histories_at=f"/run/{self._watched.key}/layer/")

    def source(self) -> Markup:
        """The source with what was found in it."""
        return parts.source_part(self._report, self._signals.run.sources, self.head.script)


def _findings(diagnosis: Diagnosis | None) -> Sequence[Finding]:
    return _findings_of(diagnosis.report if diagnosis is not None else None)


def _findings_of(report: Report | None) -> Sequence[Finding]:
    return report.findings if report is not None else ()


def _fallback() -> str:
    return "" if UPLOT_SCRIPT.exists() else MISSING


def _points(request: Request) -> int:
    points = _number(request, "points")
    return POINTS if points is None else int(min(max(points, 10), MOST_POINTS))


def _window(request: Request) -> Window | None:
    first, last = _number(request, "from"), _number(request, "to")
    return (first, last) if first is not None and last is not None and first < last else None


def _number(request: Request, name: str) -> float | None:
    try:
        value = float(request.query_params[name])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _html(page: str, status: int = 200) -> Response:
    # A lone surrogate (a byte of a file name that is no UTF-8) is written as \udcXX.
    return HTMLResponse(page.encode("utf-8", "backslashreplace"), status)


def _json(curves: str) -> Response:
    if not curves:
        raise HTTPException(404, "nothing was minimised in this run")
    return Response(curves, media_type="application/json")


def _error(request: Request, error: Exception) -> Response:
    """A page, or part of one, that says in a sentence what is wrong."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    words = error.detail if isinstance(error, HTTPException) else str(error)
    template = "trouble.html" if "/part/" in request.url.path else "error.html"
    return _html(drawn(template, title="Not there", trouble=words), status)

"""The parts of the page of a run, each drawn on its own: the report puts them together, the live page renews them."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from markupsafe import Markup

from headtorch.figures import Strip
from headtorch.model import Finding, Report, RunSummary
from headtorch.render.html.annotated import annotated
from headtorch.render.html.cards import cards
from headtorch.render.html.graph import Graph, graph
from headtorch.render.html.histories import History, histories
from headtorch.render.html.losses import Losses
from headtorch.render.html.strips import Shown, strips
from headtorch.render.html.templates import drawn
from headtorch.render.numbers import count, duration, figure
from headtorch.render.order import counted
from headtorch.signals import Fit, Signals

MOST_FITS = 3
RUNNING = "running"
ENDINGS = {
    "finished": "finished",
    "exit": "ended by sys.exit",
    "exception": "crashed",
    "interrupt": "interrupted",
    "terminated": "terminated",
}


class Heading(NamedTuple):
    """What the head of a page says of a run."""

    script: str
    folder: str
    arguments: str
    ending: str
    running: bool
    facts: tuple[tuple[str, str], ...]


class Verdict(NamedTuple):
    """The verdict in words, and its kind for the colour."""

    kind: str
    words: str


class Inside(NamedTuple):
    """What is shown of the inside of one fit; `untold` is how many layers have no history on the page."""

    name: str
    graph: Graph | None
    strips: tuple[tuple[Shown, Strip], ...]
    histories: tuple[History, ...]
    untold: int = 0


def ending(run: RunSummary, detail: str, running: bool) -> str:
    """How a run ended, in words."""
    if running:
        return "training now"
    words = ENDINGS.get(run.ending, "killed before it could end")
    return f"{words}: {detail}" if detail and run.ending == "exception" else words


def heading(run: RunSummary, detail: str = "", running: bool = False) -> Heading:
    """The head of the page of a run."""
    facts = [("steps", f"{run.steps:,}")]
    if run.ranks > 1:
        facts.append(("rank", f"{run.rank} of {run.ranks}"))
    if run.first_loss is not None and run.last_loss is not None:
        facts.append(("loss", f"{figure(run.first_loss)} → {figure(run.last_loss)}"))
    seconds = time.time() - run.started if running and run.started else run.seconds
    if seconds is not None:
        facts.append(("took" if not running else "for", duration(seconds)))
    if run.started:
        facts.append(("began", time.strftime("%-d %b %Y, %H:%M", time.localtime(run.started))))
    if run.evaluations:
        facts.append(("evaluations", f"{run.evaluations:,}"))
    if run.torch:
        facts.append(("PyTorch", run.torch))
    arguments = shlex.join(run.arguments)
    script = PurePath(run.script)
    folder = str(script.parent) if script.name != str(script) else ""
    return Heading(script.name, folder, arguments, ending(run, detail, running), running, tuple(facts))


def verdict(report: Report, running: bool) -> Verdict:
    """The verdict of a report."""
    if report.verdict == "faulty":
        kind = "error" if any(finding.severity == "error" for finding in report.findings) else "warning"
        return Verdict(kind, f"{counted(report.findings)} in {count(report.run.steps, 'step')}")
    if running:
        steps = count(report.run.steps, "step")
        return Verdict("pending", f"nothing found in {steps} so far" if report.run.steps else "no step yet")
    if report.verdict == "healthy":
        return Verdict("healthy", f"healthy: {count(report.run.steps, 'step')} and nothing wrong")
    if report.run.steps:
        return Verdict("unknown", f"no verdict after {count(report.run.steps, 'step')}")
    return Verdict("unknown", "no training was seen")


def header_part(head: Heading, judged: Verdict | None) -> Markup:
    """The script, how it ended, and the verdict."""
    return drawn("header.html", run=head, verdict=judged)


def findings_part(
    report: Report | None, sources: Mapping[str, str], *, running: bool = False, explain: str = ""
) -> Markup:
    """The findings as cards; without a report, that they are being looked for."""
    return drawn(
        "findings.html",
        cards=cards(report.findings, sources, report.run.steps) if report else [],
        notices=report.notices if report else (),
        verdict=report.verdict if report else "unknown",
        looked_at=report.looked_at if report else "",
        pending=report is None,
        running=running,
        explain=explain,
    )


def loss_part(losses: Losses | None, *, running: bool = False, **more: Any) -> Markup:
    """The loss; `data` is what the page's script draws, `curves` where it gets that, `fallback` why it cannot."""
    return drawn("loss.html", losses=losses, running=running, **({"data": "", "curves": "", "fallback": ""} | more))


def inside(signals: Signals, findings: Sequence[Finding], room: int | None = None) -> list[Inside]:
    """The insides of the longest fits; with their layers' histories as long as these have `room` (characters)."""
    chosen = sorted(sorted(signals.fits, key=lambda fit: -fit.steps)[:MOST_FITS], key=lambda fit: fit.objective.id)
    found = []
    for fit in chosen:
        kept: list[History] = []
        every = list(histories(fit)) if room is not None else []
        # Layers that findings name come first where not all have room.
        named = {evidence.layer for finding in findings for evidence in finding.saw if evidence.layer}
        for one in sorted(every, key=lambda one: not any(one.name.startswith(name) for name in named)):
            size = len(drawn("one_history.html", one=one))
            if room is None or size > room:
                break
            room -= size
            kept.append(one)
        order = {one.key: place for place, one in enumerate(every)}
        kept.sort(key=lambda one: order[one.key])
        found.append(Inside(_name(fit), graph(fit, findings), tuple(strips(fit)), tuple(kept), len(every) - len(kept)))
    return found


def _name(fit: Fit) -> str:
    at = fit.objective.backward_at
    return f"The loss at line {at.line}, {count(fit.steps, 'step')}" if at else f"A loss of {count(fit.steps, 'step')}"


def inside_part(fits: Sequence[Inside], *, running: bool = False, histories_at: str = "") -> Markup:
    """The inside of the network; `histories_at` is where a layer's history is asked for."""
    return drawn("inside.html", fits=fits, running=running, histories_at=histories_at)


def source_part(report: Report | None, sources: Mapping[str, str], script: str) -> Markup:
    """The user's source with the findings at their lines."""
    told = cards(report.findings, sources, report.run.steps) if report else []
    return drawn("source.html", files=annotated(told, sources, script))

"""The report as a compiler would print it: for the terminal, and for files that people read."""

from __future__ import annotations

from collections.abc import Mapping

from headtorch.model import Finding, Report, RunSummary
from headtorch.render.evidence import evidence_lines
from headtorch.render.numbers import count, duration, figure
from headtorch.render.order import counted, names, order
from headtorch.render.page import HANGING, NARROWEST, Page
from headtorch.render.snippet import place, short_path, snippet
from headtorch.render.sparkline import sparkline
from headtorch.render.trial import trial_lines
from headtorch.render.visible import all_visible, visible

SUFFIX = ".txt"
NAME = "headtorch:"
NOTHING = "no backward pass ran, so there is nothing to diagnose"


def render(report: Report, sources: Mapping[str, str], *, width: int = 88, colour: bool = False) -> str:
    """`report` as text of at most `width` columns (not below 40; file names are never broken), ending in a newline.

    `colour` adds ANSI colours; without it no escape sequence is in the text, whatever strings the run contained.
    """
    report = all_visible(report)
    sources = {visible(file): source for file, source in sources.items()}
    page = Page(max(width, NARROWEST), colour)

    parts = order(report.findings)
    blocks = [_finding(finding, followers, sources, page) for finding, followers in parts.shown]
    if parts.named:
        others = f"{count(len(parts.named), 'other finding')}: {names(parts.named)}"
        blocks.append(page.paragraph("more:", "note", others))
    if parts.brief:
        blocks.append([line for finding in parts.brief for line in _brief(finding, page)])
    blocks.append(_ending(report, page))
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks) + "\n"


def _finding(finding: Finding, followers: list[str], sources: Mapping[str, str], page: Page) -> list[str]:
    lines = _headline(finding, page)
    if finding.where:
        lines += snippet(finding.where, sources, finding.label, finding.severity, page)
    if finding.saw:
        table = evidence_lines(finding.saw, page._replace(width=page.width - HANGING))
        lines.append(page.paint("note", "saw:") + "  " + table[0])
        lines += [" " * HANGING + line for line in table[1:]]
    if followers:
        verb = "follows" if len(followers) == 1 else "follow"
        lines += page.paragraph("note:", "note", f"{names(followers)} {verb} from this one; fix this first")
    if finding.tried is not None:
        if not finding.tried.change and finding.help:
            lines += page.paragraph("help:", "note", finding.help)
        return lines + trial_lines(finding.tried, page)
    if finding.help:
        lines += page.paragraph("help:", "note", finding.help)
    return lines


def _headline(finding: Finding, page: Page) -> list[str]:
    tag = f"{finding.severity}[{finding.rule}]"
    first, *rest = page.wrap(page.words(f"{tag}: {finding.message}"))
    if first.startswith(tag):
        first = page.paint(finding.severity, tag) + page.paint("strong", first[len(tag) :])
    return [first, *(page.paint("strong", line) for line in rest)]


def _brief(finding: Finding, page: Page) -> list[str]:
    where = [f"({place(finding.where)})"] if finding.where else []
    return page.paragraph(f"note[{finding.rule}]:", "note", finding.message, *where)


def _ending(report: Report, page: Page) -> list[str]:
    """The notices, and the line that sums the run up."""
    notices = report.notices
    if report.verdict == "unknown":
        notices, summary = notices[1:], _unknown(report, page)
    elif report.verdict == "healthy":
        summary = _healthy(report, page)
    else:
        summary = _faulty(report, page)
    return [line for notice in notices for line in page.paragraph(NAME, "strong", notice)] + summary


def _faulty(report: Report, page: Page) -> list[str]:
    run = report.run
    script = short_path(run.script)
    facts = [f"({script})" if run.seconds is None else f"({script}, {duration(run.seconds)})"]
    if run.file:
        facts.append(f"· recorded in {short_path(run.file)}")
    return page.paragraph(NAME, "strong", f"{counted(report.findings)} in {_steps(run)}", *facts)


def _healthy(report: Report, page: Page) -> list[str]:
    run = report.run
    loss = ""
    if run.first_loss is not None and run.last_loss is not None:
        loss = f"loss {figure(run.first_loss)} → {figure(run.last_loss)} {sparkline(run.loss_curve)} in "
    looked_at = f"; looked at {report.looked_at}" if report.looked_at else ""
    return page.paragraph(f"{NAME} healthy:", "healthy", f"{loss}{_steps(run)}{looked_at}")


def _steps(run: RunSummary) -> str:
    where = f" on rank {run.rank} of {run.ranks}" if run.ranks > 1 else ""
    return f"{count(run.steps, 'step')}{where}"


def _unknown(report: Report, page: Page) -> list[str]:
    """The first notice says why there is no diagnosis."""
    run, script = report.run, short_path(report.run.script)
    reason = page.words(report.notices[0].rstrip(".") if report.notices else NOTHING)
    if run.steps:
        return page.paragraph(NAME, "strong", f"no verdict after {_steps(run)} of", f"{script}:", *reason)
    return page.paragraph(NAME, "strong", "no training was seen in", f"{script}:", *reason)

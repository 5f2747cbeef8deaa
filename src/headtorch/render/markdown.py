"""The report as Markdown for a pull request: findings first, what follows from them folded under each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from headtorch.model import Evidence, Finding, Report, Tried
from headtorch.render.numbers import count, duration, figure
from headtorch.render.order import counted, names, order
from headtorch.render.page import Page
from headtorch.render.snippet import place, short_path, snippet
from headtorch.render.sparkline import sparkline
from headtorch.render.trial import figures
from headtorch.render.visible import all_visible, visible

SUFFIX = ".md"
_PAGE = Page(width=100, colour=False)
# What Markdown, its tables, its autolinks, and a forge's formulas, mentions and emoji are made with.
_MARKS = re.compile(r"[\\`*_\[\]<>#|~&$@]|:(?=\S)|(?<=[wW])\.|^[-+=]")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_PLAIN = re.compile(r"[\w/.][\w .,:=+/()%·-]*")
_HEADERS = ("measured", "value", "healthy", "steps", "layer")


def render(report: Report, sources: Mapping[str, str]) -> str:
    """`report` as Markdown in which no string of the run is more than text."""
    sources = {visible(file): source for file, source in sources.items()}
    diffs = [finding.tried.diff if finding.tried else "" for finding in report.findings]
    report = all_visible(report)  # writes the line ends of a diff as escapes
    parts = order(report.findings)
    diff_of = {id(finding): diff for finding, diff in zip(report.findings, diffs, strict=True)}

    blocks = [_headline(report)]
    for finding, followers in parts.shown:
        blocks += _finding(finding, diff_of[id(finding)], sources)
        if followers:
            follow = [f for f in report.findings if f.role == "consequence" and f.rule in followers]
            title = f"{count(len(followers), 'consequence')} of it"
            blocks += ["<details>", f"<summary>{title}</summary>", _list(follow), "</details>"]
    if parts.named:
        blocks.append(f"{count(len(parts.named), 'other finding')}: {text(names(parts.named))}")
    if parts.brief:
        blocks.append(_list(parts.brief))
    if report.notices:
        blocks.append("\n".join(f"- {text(notice)}" for notice in report.notices))
    if report.looked_at:
        blocks.append(f"Looked at {text(report.looked_at)}.")
    return "\n\n".join(blocks) + "\n"


def text(words: str) -> str:
    """Visible text in which Markdown sees no marks; what stands between two backticks is code."""
    pieces = words.strip().split("`")
    if len(pieces) % 2 == 0:  # a backtick of the user's own
        return _escaped(words.strip())
    return "".join(code(piece) if number % 2 else _escaped(piece) for number, piece in enumerate(pieces))


def code(name: str) -> str:
    """A visible name as code; where it has marks as an element, for between backticks they can't be escaped."""
    if _PLAIN.fullmatch(name) and name == name.strip():
        return f"`{name}`"
    return f"<code>{_escaped(name)}</code>"


def _escaped(words: str) -> str:
    # A mention is looked for in the finished page, where an escape is gone; but not in code.
    words = _MARKS.sub(lambda mark: "<code>@</code>" if mark[0] == "@" else f"\\{mark[0]}", words)
    return _NUMBERED.sub(r"\1\\\2", words)  # else the first item of a list


def _headline(report: Report) -> str:
    run = report.run
    told = {"healthy": "healthy", "unknown": "no verdict"}.get(report.verdict) or counted(report.findings)
    facts = [code(short_path(run.script))]
    facts += [duration(run.seconds)] if run.seconds is not None else []
    if run.first_loss is not None and run.last_loss is not None:
        facts.append(f"loss {figure(run.first_loss)} → {figure(run.last_loss)} {sparkline(run.loss_curve)}".rstrip())
    return f"### headtorch: {told or 'faulty'} in {count(run.steps, 'step')}\n\n{' · '.join(facts)}"


def _finding(finding: Finding, diff: str, sources: Mapping[str, str]) -> Iterable[str]:
    yield f"#### {finding.severity} {code(finding.rule)}: {text(finding.message)}"
    if finding.where is not None:
        yield fenced("text", snippet(finding.where, sources, finding.label, finding.severity, _PAGE))
    if finding.saw:
        yield _table(finding.saw)
    tried = finding.tried
    if finding.help and not (tried and tried.change):
        yield f"**help:** {text(finding.help)}"
    if tried is not None:
        yield from _tried(tried, diff)


def _tried(tried: Tried, diff: str) -> Iterable[str]:
    if tried.change:
        yield f"**help:** {text(tried.change)}"
    if diff:
        yield fenced("diff", [visible(line) for line in diff.rstrip("\n").split("\n")])
    yield f"**tried:** {text(figures(tried))} **{tried.verdict}**"


def fenced(language: str, lines: Sequence[str]) -> str:
    """Lines as they are, between fences longer than any row of backticks in them."""
    longest = max((len(row) for line in lines for row in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence + language, *(line.rstrip() for line in lines), fence])


def _table(saw: Sequence[Evidence]) -> str:
    rows = [_row(evidence) for evidence in saw]
    kept = [number for number in range(len(_HEADERS)) if number < 2 or any(row[number] for row in rows)]
    lines = [[_HEADERS[number] for number in kept], ["---" for _ in kept]]
    lines += [[row[number] for number in kept] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(evidence: Evidence) -> tuple[str, ...]:
    curve = f" {sparkline(evidence.curve)}" if evidence.curve else ""
    return (
        text(evidence.quantity),
        text(figure(evidence.value)) + curve,
        text(evidence.healthy or ""),
        text(evidence.steps or ""),
        code(evidence.layer) if evidence.layer else "",
    )


def _list(findings: Iterable[Finding]) -> str:
    """One line for each finding."""
    return "\n".join(
        f"- {finding.severity} {code(finding.rule)}: {text(finding.message)}"
        + (f" ({code(place(finding.where))})" if finding.where else "")
        for finding in findings
    )

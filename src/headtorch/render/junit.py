"""The report as JUnit XML, which build servers read: a test case for each rule that was asked.

An error is a failure. What could not be looked at is skipped, warnings and notes stand in the case's output.
"""

from __future__ import annotations

import datetime
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping

from headtorch.model import Finding, Report
from headtorch.render.evidence import evidence_lines
from headtorch.render.page import Page
from headtorch.render.snippet import snippet
from headtorch.render.visible import all_visible, visible

SUFFIX = ".xml"
_PAGE = Page(width=100, colour=False)


def render(report: Report, sources: Mapping[str, str]) -> str:
    """`report` as one test suite. All text is visible first, so XML lacks none of its characters."""
    report = all_visible(report)
    sources = {visible(file): source for file, source in sources.items()}
    cases = [
        _case(report, rule, [finding for finding in report.findings if finding.rule == rule], sources)
        for rule in dict.fromkeys([*report.rules, *(finding.rule for finding in report.findings)])
    ]
    cases += [_skipped("notices", notice, notice) for notice in report.notices]

    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
    }
    suite = ET.Element("testsuite", {"name": "headtorch", **counts, **_times(report)})
    properties = ET.SubElement(suite, "properties")
    for name, value in _facts(report):
        ET.SubElement(properties, "property", name=name, value=value)
    suite.extend(cases)
    root = ET.Element("testsuites", {name: counts[name] for name in ("tests", "failures", "errors")})
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(report: Report, rule: str, found: list[Finding], sources: Mapping[str, str]) -> ET.Element:
    if not found and not report.run.steps:
        return _skipped("rules", rule, "no backward pass ran")
    case = ET.Element("testcase", classname="headtorch.rules", name=rule)
    for finding in found:
        if finding.severity == "error":
            failure = ET.SubElement(case, "failure", type=rule, message=finding.message)
            failure.text = _text(finding, sources)
    others = [finding for finding in found if finding.severity != "error"]
    if others:
        ET.SubElement(case, "system-out").text = "\n\n".join(
            f"{finding.severity}: {finding.message}\n{_text(finding, sources)}" for finding in others
        )
    return case


def _skipped(group: str, name: str, why: str) -> ET.Element:
    case = ET.Element("testcase", classname=f"headtorch.{group}", name=name)
    ET.SubElement(case, "skipped").text = why
    return case


def _text(finding: Finding, sources: Mapping[str, str]) -> str:
    """What stands below the headline: the place, what was measured, the advice."""
    lines = snippet(finding.where, sources, finding.label, finding.severity, _PAGE) if finding.where else []
    lines += evidence_lines(finding.saw, _PAGE) if finding.saw else []
    lines += [f"follows from {finding.follows_from}"] if finding.follows_from else []
    lines += [f"help: {finding.help}"] if finding.help else []
    lines += [f"tried: {finding.tried.change} {finding.tried.verdict}"] if finding.tried else []
    return "\n".join(line.rstrip() for line in lines)


def _facts(report: Report) -> Iterable[tuple[str, str]]:
    run = report.run
    yield "verdict", report.verdict
    yield "script", run.script
    yield "run", run.file
    yield "steps", str(run.steps)
    for name, value in (("headtorch", run.headtorch), ("torch", run.torch), ("looked_at", report.looked_at)):
        if value:
            yield name, value


def _times(report: Report) -> dict[str, str]:
    """When it began and how long it took, as far as the run file tells times."""
    times = {}
    try:
        started = datetime.datetime.fromtimestamp(report.run.started, datetime.timezone.utc)
        times["timestamp"] = started.strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, ValueError, OSError):
        pass
    if report.run.seconds is not None and math.isfinite(report.run.seconds):
        times["time"] = f"{report.run.seconds:.3f}"
    return times

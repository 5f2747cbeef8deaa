"""The report as SARIF 2.1.0, which code scanning and editors read: a result for each finding, at its place."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from urllib.parse import quote

from headtorch.model import Finding, Report, Where
from headtorch.render.json import jsonable, written
from headtorch.render.patch import Replacement, replacements
from headtorch.render.visible import visible
from headtorch.rules import Rule, all_rules

SUFFIX = ".sarif"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
BASE = "SRCROOT"

Json = dict[str, object]


def render(report: Report, sources: Mapping[str, str]) -> str:
    """`report` as a SARIF log with one run. Files in the working directory are named relative to it."""
    root = _working_directory()
    rules = list(dict.fromkeys(finding.rule for finding in report.findings))
    run: Json = {
        "tool": {"driver": _driver(report, rules)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {BASE: {"uri": f"file://{quote(root.as_posix().rstrip('/'), errors='replace')}/"}},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "note", "message": _message(notice)} for notice in report.notices
                ],
            }
        ],
        "results": _results(report, rules, sources, root),
        "properties": {"verdict": report.verdict, "looked_at": report.looked_at, "rules": list(report.rules)},
    }
    return written({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it is gone
        return Path("/")


def _driver(report: Report, rules: Sequence[str]) -> Json:
    known = {rule.name: rule for rule in all_rules()}
    described = [_described(known[name]) if name in known else {"id": visible(name)} for name in rules]
    return {"name": "headtorch", "version": visible(report.run.headtorch) or "0", "rules": described}


def _described(rule: Rule) -> Json:
    markdown = [f"**{lead}** {text}" if lead else text for lead, text in rule.paragraphs]
    return {
        "id": rule.name,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.headline},
        "fullDescription": {"text": rule.paragraphs[0][1] if rule.paragraphs else rule.headline},
        "help": {"text": rule.page, "markdown": "\n\n".join(markdown)},
        "properties": {"tags": [rule.family]},
    }


def _results(report: Report, rules: Sequence[str], sources: Mapping[str, str], root: Path) -> list[Json]:
    met: Counter[str] = Counter()
    results = []
    for finding in report.findings:
        mark = _mark(finding, sources, root)
        met[mark] += 1
        result: Json = {
            "ruleId": visible(finding.rule),
            "ruleIndex": rules.index(finding.rule),
            "level": finding.severity,
            "message": _message(f"{finding.message}. {finding.help}" if finding.help else finding.message),
            # Two findings of one rule on lines of the same text differ by their number.
            "partialFingerprints": {"headtorchFinding/v1": f"{mark}:{met[mark]}"},
            "properties": {
                "confidence": jsonable(finding.confidence),
                "role": finding.role,
                "follows_from": finding.follows_from,
                "saw": jsonable(finding.saw),
                "tried": jsonable(finding.tried),
            },
        }
        if finding.where is not None and finding.where.file:
            result["locations"] = [_location(finding.where, finding.label, root)]
        if (fix := _fix(finding, sources, root)) is not None:
            result["fixes"] = [fix]
        results.append(result)
    return results


def _mark(finding: Finding, sources: Mapping[str, str], root: Path) -> str:
    """What a finding is known by when the lines above it change: its rule, its file, the text of its line."""
    where = finding.where
    parts = [finding.rule]
    if where is not None:
        lines = sources.get(where.file, "").splitlines()
        text = lines[where.line - 1].strip() if 1 <= where.line <= len(lines) else ""
        parts += [_uri(where.file, root), text]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _location(where: Where, label: str, root: Path) -> Json:
    physical: Json = {"artifactLocation": _artifact(where.file, root)}
    if where.line >= 1:
        physical["region"] = _region(where)
    location: Json = {"physicalLocation": physical}
    if label:
        location["message"] = _message(label)
    return location


def _region(where: Where) -> Json:
    region: Json = {"startLine": where.line}
    last = max(where.end_line or where.line, where.line)
    if where.column is not None and where.column >= 1:
        region["startColumn"] = where.column
        if where.end_column is not None and where.end_column >= (where.column if last == where.line else 1):
            region |= {"endLine": last, "endColumn": where.end_column}
    return region


def _artifact(file: str, root: Path) -> Json:
    uri = _uri(file, root)
    return {"uri": uri} if ":" in uri else {"uri": uri, "uriBaseId": BASE}


def _uri(file: str, root: Path) -> str:
    path = PurePath(file)
    if path.is_absolute() and not path.is_relative_to(root):
        return "file://" + quote(path.as_posix(), errors="replace")
    relative = path.relative_to(root) if path.is_absolute() else path
    return quote(relative.as_posix(), errors="replace")


def _fix(finding: Finding, sources: Mapping[str, str], root: Path) -> Json | None:
    """The change that a re-run has verified; nothing else is called a fix."""
    tried = finding.tried
    if tried is None or tried.verdict != "VERIFIED" or finding.where is None:
        return None
    changes = []
    for name, replaced in replacements(tried.diff).items():
        # A diff has the last part of a file's name.
        file = next((file for file in (finding.where.file, *sources) if PurePath(file).name == name), None)
        if file is None or not replaced:
            return None
        changes.append(
            {"artifactLocation": _artifact(file, root), "replacements": [_replacement(each) for each in replaced]}
        )
    return {"description": _message(tried.change), "artifactChanges": changes} if changes else None


def _replacement(each: Replacement) -> Json:
    """Whole lines: from the start of the first to the start of the one after the last."""
    region = {"startLine": each.line, "startColumn": 1, "endLine": each.line + each.removed, "endColumn": 1}
    return {"deletedRegion": region, "insertedContent": {"text": "".join(f"{line}\n" for line in each.added)}}


def _message(text: str) -> Json:
    """A text in which SARIF sees neither a placeholder nor a link."""
    plain = visible(text).replace("{", "{{").replace("}", "}}").replace("](", "\\](")
    return {"text": plain or "-"}

"""The report as JSON (`headtorch.report/1`): for programs, and for keeping."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import msgspec

from headtorch.model import Finding, Report
from headtorch.render.visible import is_plain

SUFFIX = ".json"


def render(report: Report, sources: Mapping[str, str]) -> str:
    """`report` as an indented JSON document.

    Numbers that JSON does not have are the strings "nan", "inf" and "-inf", and null in curves.
    """
    document = {
        "schema": report.schema,
        "verdict": report.verdict,
        "run": jsonable(report.run),
        "findings": [_finding(finding) for finding in report.findings],
        "notices": list(report.notices),
        "looked_at": report.looked_at,
        "rules": list(report.rules),
    }
    return written(document)


def written(document: object) -> str:
    """A JSON document of what `jsonable` returns, indented."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # json leaves C1 controls and bidi overrides as they are; in a terminal they would act.
    return "".join(c if is_plain(c) or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "role": finding.role,
        "message": finding.message,
        "where": jsonable(finding.where),
        "saw": jsonable(finding.saw),
        "follows_from": finding.follows_from,
        "tried": jsonable(finding.tried),
        "help": finding.help,
        "label": finding.label,
        "confidence": jsonable(finding.confidence),
    }


def jsonable(value: object) -> object:
    """A record as what JSON has; a broken number is a string, and null in a tuple."""
    if isinstance(value, msgspec.Struct):
        return {name: jsonable(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [None if _is_broken(item) else jsonable(item) for item in value]
    return str(value) if _is_broken(value) else value


def _is_broken(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)

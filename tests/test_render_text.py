"""The text report: golden files, and what must hold for any report, however hostile its strings.

After a wanted change of the form, `UPDATE_GOLDEN=1 pytest tests/test_render_text.py` writes tests/golden/*.txt anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import get_args

import pyte
import pytest
from golden.reports import TRAIN, reports
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headtorch.model import Evidence, Finding, Report, Role, RunSummary, Severity, Verdict, Where
from headtorch.render import text
from headtorch.render.evidence import evidence_lines
from headtorch.render.numbers import duration, figure
from headtorch.render.order import order
from headtorch.render.page import Page
from headtorch.render.sparkline import sparkline
from headtorch.render.visible import columns, is_plain

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(reports(Path("/")))


@pytest.mark.parametrize("width", [80, 88, 120])
@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str, width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = reports(tmp_path)[name]
    drawn = text.render(report, {str(tmp_path / "train.py"): TRAIN}, width=width)
    golden = GOLDEN / f"{name}-{width}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(drawn, encoding="utf-8")
    assert drawn == golden.read_text(encoding="utf-8")
    assert all(columns(line) <= width for line in drawn.splitlines())


def test_every_golden_file_belongs_to_a_report() -> None:
    assert {path.name for path in GOLDEN.glob("*.txt")} == {f"{name}-{w}.txt" for name in NAMES for w in (80, 88, 120)}


# --- any report ---------------------------------------------------------------------------------------------------

# No deadline: a loaded machine is no fault of a report.
some = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

strings = st.text(
    st.one_of(
        st.sampled_from("\x1b\x07\x9b\x9d\x00\r\n\t\u202e\u2066\u200b\ufeff\u2028\udc9b\U000e0041e\u0301漢`- "),
        st.characters(exclude_categories=()),
    ),
    max_size=60,
)
numbers = st.one_of(st.floats(), st.integers(-(10**9), 10**9).map(float))
curves = st.none() | st.lists(numbers, max_size=40).map(tuple)


def any_report(files: st.SearchStrategy[str]) -> st.SearchStrategy[Report]:
    small = st.integers(1, 70)
    where = st.none() | st.builds(
        Where, files, st.integers(1, 4), st.none() | small, st.none() | small, st.none() | st.integers(1, 5)
    )
    optional = st.none() | strings.filter(bool)
    evidence = st.builds(Evidence, strings, numbers | strings, optional, optional, optional, curves)
    rules = st.sampled_from(["a", "b", "c"]) | strings
    finding = st.builds(
        Finding,
        rule=rules,
        severity=st.sampled_from(get_args(Severity)),
        message=strings,
        where=where,
        saw=st.lists(evidence, max_size=3).map(tuple),
        help=strings,
        label=strings,
        confidence=st.floats(0, 1),
        role=st.sampled_from(get_args(Role)),
        follows_from=st.none() | rules,
    )
    run = st.builds(
        RunSummary,
        file=files,
        script=files,
        arguments=st.lists(strings, max_size=2).map(tuple),
        started=st.floats(0, 2e9),
        seconds=st.none() | st.floats(0, 1e6),
        ending=strings,
        steps=st.integers(0, 10**7),
        evaluations=st.integers(0, 10),
        parameters=st.integers(0, 10**10),
        layers=st.integers(0, 1000),
        first_loss=st.none() | numbers,
        last_loss=st.none() | numbers,
        loss_curve=st.lists(numbers, max_size=40).map(tuple),
        headtorch=strings,
        torch=st.none() | strings,
    )
    return st.builds(
        Report,
        verdict=st.sampled_from(get_args(Verdict)),
        run=run,
        findings=st.lists(finding, max_size=6).map(tuple),
        looked_at=strings,
        notices=st.lists(strings, max_size=2).map(tuple),
    )


short_names = st.sampled_from(["train.py", "網.py"])


@some
@given(report=any_report(strings | short_names), source=strings, width=st.integers(20, 140))
def test_nothing_from_a_run_reaches_the_terminal_raw(report: Report, source: str, width: int) -> None:
    files = [report.run.script, *(finding.where.file for finding in report.findings if finding.where)]
    sources = dict.fromkeys(files, f"{source}\n{source}")
    plain = text.render(report, sources, width=width)
    assert all(is_plain(character) or character == "\n" for character in plain)
    plain.encode("utf-8")
    coloured = text.render(report, sources, width=width, colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


@some
@given(
    report=any_report(short_names),
    part=strings,
    times=st.integers(0, 9),
    width=st.integers(40, 140),
)
def test_no_line_is_wider_than_the_page(report: Report, part: str, times: int, width: int) -> None:
    sources = {"train.py": part * times}
    assert max(map(columns, text.render(report, sources, width=width).split("\n"))) <= width


def long(alphabet: str) -> st.SearchStrategy[str]:
    return st.builds(lambda part, times: part * times, st.text(alphabet, max_size=8), st.integers(0, 40))


@settings(some, max_examples=100)
@given(
    before=long("ab( =漢é\t"),
    span=st.text("XYZ字", min_size=1, max_size=20),
    after=long("cd), 漢"),
    label=long("lm "),
    width=st.integers(60, 120),
)
def test_the_carets_stand_under_the_span_however_long_the_line(
    before: str, span: str, after: str, label: str, width: int
) -> None:
    where = Where("f.py", 1, len(before) + 1, len(before) + len(span) + 1)
    drawn = text.render(one_finding(where, label), {"f.py": before + span + after}, width=width)
    screen = pyte.Screen(width, 8)
    pyte.Stream(screen).feed("\r\n".join(drawn.splitlines()[:5]))
    assert screen.display[3].startswith(" 1 | ") and screen.display[4].startswith("   | ")
    code, marks = ([screen.buffer[row][column].data for column in range(width)] for row in (3, 4))
    assert "".join(cell for cell, mark in zip(code, marks, strict=True) if mark == "^") == span


@some
@given(curves)
def test_a_sparkline_has_a_block_for_each_point_up_to_24(curve: tuple[float, ...] | None) -> None:
    assert len(sparkline(curve or ())) == min(len(curve or ()), 24)
    assert set(sparkline(curve or ())) <= set("▁▂▃▄▅▆▇█×")


# --- single rules of the form -------------------------------------------------------------------------------------

RUN = RunSummary("", "train.py", (), 0.0, 1.0, "finished", 5, 0, 1, 1, None, None, (), "0.1.0", None)


def finding(rule: str = "some-rule", severity: Severity = "error", cause: str | None = None) -> Finding:
    return Finding(rule, severity, f"{rule} is there", role="consequence" if cause else "cause", follows_from=cause)


def one_finding(where: Where | None = None, label: str = "") -> Report:
    return Report("faulty", RUN, (Finding("some-rule", "error", "it is there", where, label=label),), "")


def test_a_combining_mark_takes_no_column() -> None:
    drawn = text.render(one_finding(Where("f.py", 1, 6, 8)), {"f.py": "e\u0301 = lr"}).splitlines()
    assert drawn[3:5] == [" 1 | e\u0301 = lr", "   |     ^^"]


def test_a_form_feed_does_not_end_a_line_of_source() -> None:
    drawn = text.render(one_finding(Where("f.py", 2, 1, 3)), {"f.py": "one\x0cmore\r\nlr = 1"})
    assert " 2 | lr = 1\n   | ^^\n" in drawn


def test_a_span_that_the_source_does_not_have_is_still_pointed_at() -> None:
    drawn = text.render(one_finding(Where("f.py", 1, 90, 95)), {"f.py": "lr = 1"})
    assert " 1 | lr = 1\n   |       ^\n" in drawn


@pytest.mark.parametrize("line", [0, 2, 3])
def test_a_line_that_the_source_does_not_have_leaves_the_arrow(line: int) -> None:
    drawn = text.render(one_finding(Where("f.py", line, 1, 2)), {"f.py": "lr = 1\n   \n"})
    assert drawn.splitlines()[1:3] == [f"  --> f.py:{line}:1", ""]


def test_a_file_name_is_never_broken() -> None:
    name = "/data/" + "very-long-name/" * 10 + "train.py"
    assert f"--> {name}:3\n" in text.render(one_finding(Where(name, 3)), {}, width=80)


def test_consequences_fold_under_the_first_cause_of_their_chain() -> None:
    cause, nan, dead = finding("a"), finding("nan", cause="a"), finding("dead", cause="nan")
    assert order((cause, nan, dead)).shown == [(cause, ["nan", "dead"])]


def test_a_consequence_whose_cause_is_absent_stands_like_a_cause() -> None:
    nan, dead = finding("nan", cause="a"), finding("dead", cause="nan")
    assert order((nan, dead)).shown == [(nan, ["dead"])]


def test_consequences_in_a_circle_are_all_shown() -> None:
    one, other = finding("one", cause="other"), finding("other", cause="one")
    assert order((one, other)).shown == [(one, []), (other, [])]


def test_a_note_takes_no_error_under_it() -> None:
    hint, nan = finding("hint", severity="note"), finding("nan", cause="hint")
    assert order((hint, nan)) == ([(nan, [])], [], [hint])


def test_causes_beyond_the_third_are_counted_by_name() -> None:
    drawn = text.render(Report("faulty", RUN, tuple(map(finding, "abcdee")), ""), {})
    assert drawn.count("is there") == 3
    assert "more: 3 other findings: `d` and `e` (2 times)\n" in drawn


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5.7, "5.7"),
        (5.6789, "5.68"),
        (0.000012, "1.2e-05"),
        (12345.6, "12,300"),
        (1200.0, "1,200"),
        (2.5e7, "2.5e+07"),
        (float("nan"), "NaN"),
        (float("-inf"), "-inf"),
        (0.0, "0"),
        ("63 %", "63 %"),
    ],
)
def test_values_have_three_significant_digits(value: float | str, shown: str) -> None:
    assert figure(value) == shown


def test_durations() -> None:
    assert [duration(s) for s in (4.06, 59, 185, 7800)] == ["4.1 s", "59 s", "3 min 5 s", "2 h 10 min"]


def test_a_curve_over_two_decades_is_drawn_on_a_log_scale() -> None:
    assert sparkline((1.0, 10.0, 1000.0)) == "▁▃█"
    assert sparkline((1.0, 10.0, 100.0)) == "▁▂█"
    assert sparkline((0.0, 10.0, 1000.0)) == "▁▁█"


def test_a_single_broken_point_is_seen_in_a_long_curve() -> None:
    assert sparkline([1.0] * 500 + [float("nan")] + [1.0] * 499).count("×") == 1


def test_a_number_of_steps_is_called_step_or_steps() -> None:
    saw = [Evidence("q", 1.0, steps=steps) for steps in ("7", "0-19", "every step")]
    assert evidence_lines(saw, Page(80, colour=False)) == ["q  1   step 7", "q  1   steps 0-19", "q  1   every step"]

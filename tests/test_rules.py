"""The rules' surroundings, without torch: the order of findings, rules that fail, the report's fields."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headtorch import rules
from headtorch.diagnose import diagnose, order
from headtorch.model import Evidence, Finding, Role, Severity, UserError, Where
from headtorch.record.writer import Writer
from headtorch.render.catalogue import explained, listed
from headtorch.render.json import render
from headtorch.render.visible import columns
from headtorch.rules import LEADS, Rule, all_rules
from headtorch.signals import Signals
from headtorch.store.records import Objective

FILE = "/home/user/train.py"


# ---- the catalogue -----------------------------------------------------------------------------------------------


def test_every_rule_has_a_page_and_does_not_lead_to_itself() -> None:
    rules = all_rules()
    assert rules
    for rule in rules:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
        assert rule.headline.endswith("."), rule.name
        assert rule.name not in rule.leads_to
        assert len(set(rule.leads_to)) == len(rule.leads_to)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)
def test_a_page_has_all_its_parts(rule: Rule) -> None:
    found = [lead for lead, _ in rule.paragraphs]
    wanted = [" or ".join(leads) for leads in LEADS]
    assert len(found) == len(LEADS) and all(lead in leads for lead, leads in zip(found, LEADS, strict=True)), (
        f"below its first line the docstring of {rule.name} has paragraphs that begin with {found}, not with {wanted}"
    )
    why, _, healthy, fix, _ = (text for _, text in rule.paragraphs)
    formulas = [code for code in re.findall(r"`([^`]+)`", why) if re.search("[=≈<≤→←⇒∝]", code)]
    assert formulas, f"{rule.name}: the formula behind it is missing, in backticks, from `{found[0]}`"
    grounds = r"\bderivation\b|\bmeasured over\b|\b(19|20)\d\d\b"
    assert re.search(grounds, healthy, re.IGNORECASE), (
        f"{rule.name}: `Healthy:` does not say what its range rests on: (derivation), (Author, year), or measured over"
    )
    assert "`" in fix, f"{rule.name}: `Fix:` shows no code in backticks"
    assert rule.page.count("`") % 2 == 0, f"{rule.name}: a backtick has no partner"
    assert 12 <= len(rule.page.splitlines()) <= 30, f"{rule.name}: a page has 12 to 30 lines"


def test_a_page_in_the_terminal_keeps_its_width_and_its_words() -> None:
    for rule in all_rules():
        for width in (80, 88):
            plain = explained(rule, width=width, colour=False)
            assert max(map(columns, plain.splitlines())) <= width, rule.name
            assert re.sub(r"\x1b\[\d*m", "", explained(rule, width=width, colour=True)) == plain
            assert " ".join(rule.page.split()) in " ".join(plain.split())
        assert plain.endswith(f"headtorch explain {rule.name} --demo\n")
    assert "\x1b[1mMeasured:\x1b[0m " in explained(rule, width=88, colour=True)


def test_the_list_in_the_terminal_names_every_rule_once_below_its_family() -> None:
    lines = listed(all_rules(), width=80, colour=False).splitlines()
    assert max(map(len, lines)) <= 80
    named = [line.split()[0] for line in lines if re.match(r"  \S", line)]
    assert sorted(named) == [rule.name for rule in all_rules()]
    families = [line for line in lines if line and not line.startswith((" ", "headtorch "))]
    assert families == sorted({rule.family for rule in all_rules()})


def test_rules_and_places_are_read_without_torch() -> None:
    code = "import sys, headtorch.diagnose as d; d.all_rules(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# ---- the order of findings -----------------------------------------------------------------------------------------


def nothing(signals: Signals) -> Iterator[Finding]:
    return iter(())


def rule(name: str, *leads_to: str, find: Callable[[Signals], Iterator[Finding]] = nothing) -> Rule:
    return Rule(name, "", "", leads_to, find)


def finding(name: str, confidence: float = 0.8, severity: Severity = "error", line: int | None = None) -> Finding:
    where = None if line is None else Where(FILE, line)
    return Finding(name, severity, f"{name} is seen", where=where, confidence=confidence)


def told(found: Sequence[Finding], *rules: Rule) -> list[tuple[str, Role, str | None]]:
    return [(f.rule, f.role, f.follows_from) for f in order(found, rules)]


def test_the_most_certain_finding_comes_first() -> None:
    found = [finding("a", 0.6), finding("b", 0.95), finding("c", 0.8)]
    assert told(found) == [("b", "cause", None), ("c", "cause", None), ("a", "cause", None)]


def test_what_follows_from_a_cause_stands_behind_all_causes_with_its_name() -> None:
    found = [finding("symptom", 0.7), finding("other", 0.6), finding("root", 0.9)]
    assert told(found, rule("root", "symptom"), rule("symptom"), rule("other")) == [
        ("root", "cause", None),
        ("other", "cause", None),
        ("symptom", "consequence", "root"),
    ]


def test_a_cause_that_was_not_found_explains_nothing() -> None:
    assert told([finding("symptom")], rule("root", "symptom")) == [("symptom", "cause", None)]


def test_of_two_that_lead_to_each_other_the_more_certain_is_the_cause() -> None:
    rules = (rule("a", "b"), rule("b", "a"))
    assert told([finding("a", 0.7), finding("b", 0.8)], *rules) == [("b", "cause", None), ("a", "consequence", "b")]
    assert told([finding("a", 0.9), finding("b", 0.8)], *rules) == [("a", "cause", None), ("b", "consequence", "a")]


def test_of_two_that_are_as_certain_the_one_that_leads_to_the_other_is_the_cause() -> None:
    rules = (rule("a"), rule("b", "a"))
    found = [finding("a", 0.9), finding("b", 0.9, "warning")]
    assert told(found, *rules) == [("b", "cause", None), ("a", "consequence", "b")]


def test_a_consequence_names_the_most_certain_of_its_causes() -> None:
    found = [finding("symptom", 0.5), finding("a", 0.8), finding("b", 0.9)]
    assert told(found, rule("a", "symptom"), rule("b", "symptom"))[-1] == ("symptom", "consequence", "b")


def test_one_finding_a_rule_and_place_the_most_certain_of_them() -> None:
    found = [finding("a", 0.6, line=3), finding("a", 0.9, line=3), finding("a", 0.7, line=3), finding("a", 0.5, line=4)]
    assert [(f.where and f.where.line, f.confidence) for f in order(found, ())] == [(3, 0.9), (4, 0.5)]


def test_a_note_comes_last_and_explains_no_error_away() -> None:
    found = [finding("hint", 0.99, "note"), finding("fault", 0.5), finding("weak", 0.4, "warning")]
    assert told(found, rule("hint", "fault")) == [
        ("fault", "cause", None),
        ("weak", "cause", None),
        ("hint", "cause", None),
    ]


def test_of_equally_certain_findings_the_error_comes_first() -> None:
    found = [finding("warns", 0.8, "warning"), finding("fails", 0.8)]
    assert [f.rule for f in order(found, ())] == ["fails", "warns"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            finding,
            st.sampled_from("abcd"),
            st.sampled_from([0.5, 0.8, 0.95]),
            st.sampled_from(["error", "warning", "note"]),
            st.sampled_from([None, 1, 2]),
        ),
        max_size=8,
    ),
    st.lists(
        st.builds(
            lambda name, to: rule(name, *to - {name}), st.sampled_from("abcd"), st.frozensets(st.sampled_from("abcd"))
        )
    ),
)
def test_no_finding_is_lost_and_each_consequence_has_a_cause_that_leads_to_it(
    found: list[Finding], rules: list[Rule]
) -> None:
    ordered = order(found, rules)
    leads_to = {r.name: r.leads_to for r in rules}
    assert {(f.rule, f.where) for f in ordered} == {(f.rule, f.where) for f in found}
    roles = [f.role for f in ordered]
    assert roles == sorted(roles)  # "cause" before "consequence"
    causes = {f.rule for f in ordered if f.role == "cause"}
    for f in ordered:
        assert (f.follows_from is None) == (f.role == "cause")
        assert f.follows_from is None or (f.follows_from in causes and f.rule in leads_to[f.follows_from])


# ---- diagnosing a run file -----------------------------------------------------------------------------------------


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    """A small run, written as a recording writes it: ten steps of one objective, its loss falling."""
    writer = Writer(tmp_path / "train.htdb")
    writer.fact("script", FILE)
    writer.source(FILE, "loss.backward()\n")
    writer.record("objective", 1, Objective(id=1, first_step=0, backward_at=Where(FILE, 1, 1, 16, 1)))
    for step in range(10):
        writer.sample(1, "loss", step, [1.0 / (step + 1), 0.0])
    writer.close()
    return tmp_path / "train.htdb"


def finds(signals: Signals) -> Iterator[Finding]:
    yield Finding(
        "seen",
        "error",
        "the loss is seen",
        where=signals.fits[0].objective.backward_at,
        saw=(Evidence("loss", float("nan"), healthy="0", steps="0-9", curve=(1.0, float("inf"))),),
    )


def fails(signals: Signals) -> Iterator[Finding]:
    raise ZeroDivisionError("division by zero")


def fails_late(signals: Signals) -> Iterator[Finding]:
    yield from finds(signals)
    raise KeyError("gone")


@pytest.mark.parametrize("broken", [fails, fails_late])
def test_a_rule_that_raises_is_named_in_a_notice_and_the_others_go_on(
    broken: Callable[[Signals], Iterator[Finding]], run_file: Path
) -> None:
    report, _ = diagnose(run_file, [rule("broken-rule", find=broken), rule("seen", find=finds)])
    assert [f.rule for f in report.findings] == ["seen"]
    (notice,) = (each for each in report.notices if "abstain" not in each)
    assert "`broken-rule`" in notice and ("ZeroDivisionError" in notice or "KeyError" in notice)
    assert "\n" not in notice


def test_a_rule_that_cannot_be_loaded_is_named_and_the_others_go_on(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "unfinished_rule.py").write_text("import a_module_that_nobody_has\n")
    monkeypatch.setattr(rules, "__path__", [*rules.__path__, str(folder)])
    rules.all_rules.cache_clear()
    try:
        report, _ = diagnose(run_file)
        assert len(rules.all_rules()) > 40
    finally:
        rules.all_rules.cache_clear()
    assert any("`unfinished-rule`" in notice and "a_module_that_nobody_has" in notice for notice in report.notices)


def test_an_error_of_the_user_is_not_taken_for_one_of_a_rule(run_file: Path) -> None:
    def refuses(signals: Signals) -> Iterator[Finding]:
        raise UserError("cannot read it")

    with pytest.raises(UserError, match="cannot read it"):
        diagnose(run_file, [rule("refuses", find=refuses)])


def test_the_verdict_follows_from_the_findings(run_file: Path, tmp_path: Path) -> None:
    def hints(signals: Signals) -> Iterator[Finding]:
        yield finding("hint", severity="note")

    assert diagnose(run_file, [rule("seen", find=finds)])[0].verdict == "faulty"
    assert diagnose(run_file, [rule("hint", find=hints)])[0].verdict == "healthy"
    Writer(tmp_path / "empty.htdb").close()
    assert diagnose(tmp_path / "empty.htdb", [rule("seen", find=finds)])[0].verdict == "unknown"


def test_all_rules_bear_a_run_that_says_next_to_nothing(run_file: Path) -> None:
    report, sources = diagnose(run_file)
    assert report.notices == ("no gradients and no updates could be looked at: the rules on them abstain",)
    assert report.findings == ()
    assert sources == {FILE: "loss.backward()\n"}


def test_the_json_report_has_its_fields(run_file: Path) -> None:
    report, sources = diagnose(run_file, [rule("seen", find=finds)])
    document = json.loads(render(report, sources))
    assert set(document) == {"schema", "verdict", "run", "findings", "notices", "looked_at", "rules"}
    assert document["schema"] == "headtorch.report/1"
    assert document["run"]["script"] == FILE and document["run"]["steps"] == 10
    (told,) = document["findings"]
    assert told["where"] == {"file": FILE, "line": 1, "column": 1, "end_column": 16, "end_line": 1}
    assert told["saw"][0]["value"] == "nan" and told["saw"][0]["curve"] == [1.0, None]
    assert (told["rule"], told["severity"], told["role"], told["follows_from"]) == ("seen", "error", "cause", None)
    assert set(told) >= {"message", "tried", "help", "label", "confidence"}

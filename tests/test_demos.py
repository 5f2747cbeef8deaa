"""The demos: each rule recognises its own sick script, on the line to change, and leaves the cured one in peace.

The fault of a demo stands on the line marked `# expect: NAME`. The `# cure:` comments below a line replace it, wherever
they stand. The variants are other forms of the same faults. The scripts run as a user's would, from a folder of their
own: frames of headtorch's folder are no user's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headtorch.demos
from corpus.warm import Warm
from headtorch.rules import all_rules

# Unusual and harmless, or worth knowing: these are never more than a note.
NOTES = {"bias-before-norm", "loss-at-init", "schedule-out-of-step", "unused-parameters"}
DEMOS = {path.stem: path.read_text() for path in Path(headtorch.demos.__path__[0]).glob("[a-z]*.py")}

VARIANTS = {path.stem: path.read_text() for path in Path(__file__).with_name("variants").glob("*.py")}
SICK = DEMOS | VARIANTS


def expectations(text: str) -> list[tuple[str, int]]:
    """The rules that a demo names, each with its line."""
    marks = (re.search(r"# expect: ([a-z-]+)$", line) for line in text.splitlines())
    return [(mark[1], number) for number, mark in enumerate(marks, 1) if mark]


def cured(text: str) -> str:
    """A demo with the lines that have a cure below them replaced by it."""

    def replace(match: re.Match[str]) -> str:
        return re.sub(r"(?m)^ *# cure: ?", match["indent"], match["cures"])

    return re.sub(r"(?m)^(?P<indent> *)\S.*\n(?P<cures>(?: *# cure:.*\n)+)", replace, text)


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    process = Warm()
    yield process
    process.close()


def run(script: Path, warm: Warm) -> dict[str, Any]:
    """The report of a script that ran under headtorch to its end."""
    report = script.with_suffix(".json")
    done = warm.headtorch(script.parent, "run", f"--runs={script.parent / 'runs'}", f"--report={report}", str(script))
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(report.read_text())
    assert told["notices"] == []
    return told


def test_each_rule_has_a_demo_and_each_demo_a_rule() -> None:
    assert {name.replace("_", "-") for name in DEMOS} == {rule.name for rule in all_rules()}


@pytest.mark.parametrize("name", sorted(DEMOS))
def test_a_demo_names_its_rule_once_and_can_be_cured(name: str) -> None:
    ((rule, _),) = expectations(DEMOS[name])
    assert rule == name.replace("_", "-")
    healthy = cured(DEMOS[name])
    assert healthy != DEMOS[name] and "# cure:" not in healthy
    compile(healthy, name, "exec")


@pytest.mark.parametrize("name", sorted(SICK))
def test_the_first_finding_names_the_fault_on_its_line(name: str, tmp_path: Path, warm: Warm) -> None:
    script = tmp_path / "train.py"
    script.write_text(SICK[name])
    findings = run(script, warm)["findings"]
    ((rule, line),) = expectations(SICK[name])
    told = [(f["rule"], f["where"] and f["where"]["line"], f["confidence"]) for f in findings]
    assert told and told[0][:2] == (rule, line), told
    assert findings[0]["role"] == "cause"
    assert findings[0]["severity"] in ("error", "warning") or rule in NOTES
    assert findings[0]["where"]["file"] == str(script)


@pytest.mark.corpus
@pytest.mark.parametrize("name", sorted(name for name, text in SICK.items() if "# cure:" in text))
def test_the_cured_script_has_no_error(name: str, tmp_path: Path, warm: Warm) -> None:
    script = tmp_path / "train.py"
    script.write_text(cured(SICK[name]))
    report = run(script, warm)
    assert report["verdict"] != "unknown"
    assert [(f["rule"], f["message"]) for f in report["findings"] if f["severity"] == "error"] == []

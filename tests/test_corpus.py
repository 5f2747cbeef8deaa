"""The corpus is complete, so that `make accuracy` measures every rule. Nothing is trained here."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from headtorch.rules import all_rules

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CORPUS = Path(__file__).parent.parent / "corpus"
TRUTHS: dict[Path, dict[str, Any]] = {
    file.parent: tomllib.loads(file.read_text(encoding="utf-8")) for file in sorted(CORPUS.rglob("truth.toml"))
}
FAULTS = {folder: truth for folder, truth in TRUTHS.items() if "cause" in truth}
HEALTHY = {folder: truth for folder, truth in TRUTHS.items() if "cause" not in truth}
RULES = {rule.name for rule in all_rules()}
# They tell what is unusual, or a symptom: no script of the corpus has one of them for its cause.
NO_CAUSES = {"bias-before-norm", "constant-predictions", "loss-at-init", "schedule-out-of-step", "unused-parameters"}


def identify(folder: Path) -> str:
    return str(folder.relative_to(CORPUS))


def test_every_rule_has_two_sick_scripts_and_there_are_enough_healthy_ones() -> None:
    sick = Counter(truth["cause"] for truth in FAULTS.values())
    assert {rule: sick[rule] for rule in RULES - NO_CAUSES if sick[rule] < 2} == {}
    assert NO_CAUSES <= RULES
    assert len(HEALTHY) >= 25


def test_every_script_belongs_to_a_truth_and_names_are_used_once() -> None:
    assert {script.parent for script in CORPUS.glob("*/*/*.py")} == set(TRUTHS)
    assert [name for name, times in Counter(folder.name for folder in TRUTHS).items() if times > 1] == []


@pytest.mark.parametrize("folder", FAULTS, ids=identify)
def test_the_truth_of_a_fault(folder: Path) -> None:
    truth = FAULTS[folder]
    assert {file.name for file in folder.iterdir()} == {"faulty.py", "fixed.py", "truth.toml"}
    assert truth.keys() - {"source", "also"} == {"title", "cause", "lines", "symptom", "fix", "faulty", "fixed"}
    causes = [truth["cause"], *truth.get("also", [])]
    assert set(causes) <= RULES
    assert len(set(causes)) == len(causes)
    faulty, fixed = ((folder / name).read_text(encoding="utf-8") for name in ("faulty.py", "fixed.py"))
    assert ast.dump(ast.parse(faulty)) != ast.dump(ast.parse(fixed))
    lines = faulty.splitlines()
    assert truth["lines"] == sorted(set(truth["lines"]))
    assert all(lines[line - 1].strip() for line in truth["lines"])
    assert len(truth["faulty"]) == len(truth["fixed"]) > 0
    for script in (faulty, fixed):
        assert "RESULT " in script
        assert "SEED" in script


@pytest.mark.parametrize("folder", HEALTHY, ids=identify)
def test_the_truth_of_a_healthy_program(folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == {"train.py", "truth.toml"}
    assert HEALTHY[folder].keys() == {"title", "style", "result"}
    script = (folder / "train.py").read_text(encoding="utf-8")
    assert "RESULT " in script
    assert "SEED" in script

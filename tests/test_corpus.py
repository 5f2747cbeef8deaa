"""The corpus is complete, so that `make accuracy` measures every rule. Nothing is trained here."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from corpus.spoil import SPOILINGS, Script
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


SCRIPT = """
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
criterion = nn.CrossEntropyLoss()
model.train()
for x, y in train_loader:
    optimizer.zero_grad()
    loss = criterion(model(x), y) + nn.functional.mse_loss(model(x), targets) + model(x).softmax(dim=1).sum()
    loss.backward()
    optimizer.step()
model.eval()
"""


@pytest.mark.parametrize("way", SPOILINGS)
def test_each_way_to_spoil_changes_a_line_or_two(way: str) -> None:
    spoiled = SPOILINGS[way].apply(Script(SCRIPT))
    assert spoiled is not None
    compile(spoiled, way, "exec")
    changes = list(unified_diff(SCRIPT.splitlines(), spoiled.splitlines(), n=0, lineterm=""))[2:]
    assert 1 <= sum(line.startswith("+") for line in changes) <= 2, changes
    assert SPOILINGS[way].causes <= RULES


def test_what_is_not_there_is_not_spoiled() -> None:
    assert [way for way, spoiling in SPOILINGS.items() if spoiling.apply(Script("print(1)\n")) is not None] == []

"""A script trains exactly as it would without headtorch: what it prints, and every bit that it leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import SCRIPTS, Outcome, Start

ROOT = SCRIPTS.parent.parent
CORPUS = sorted(
    path.relative_to(ROOT)
    for pattern in ("examples/*.py", "src/headtorch/demos/*.py", "corpus/*/*/*.py")
    for path in ROOT.glob(pattern)
    if path.name != "__init__.py" and "torch.distributed.run" not in path.read_text()  # those have a run file a rank
)
# How many backward passes a recording of each holds at least: without them, being the same would say nothing.
SCENARIOS = {"same_networks": 200, "same_updates": 200, "same_machinery": 60, "same_compile": 25, "same_faults": 1500}


def warnings(outcome: Outcome) -> list[str]:
    return [line for line in outcome.err.splitlines() if "Warning: " in line]


@pytest.mark.survives(
    "a hook of the script raises",
    "the script gets its error, and trains on as without headtorch, bit for bit",
    scenario="hooks_that_raise",
)
@pytest.mark.survives(
    "modules are added, exchanged and taken out in mid-training",
    "it trains as without headtorch, bit for bit, and is recorded",
    scenario="modules_change_in_mid_training",
)
@pytest.mark.survives(
    "a parameter is replaced",
    "it trains as without headtorch, bit for bit, and is recorded",
    scenario="parameter_replaced",
)
@pytest.mark.survives(
    "a model is deleted", "it trains as without headtorch, bit for bit, and is recorded", scenario="model_deleted"
)
@pytest.mark.survives(
    "a model calls itself 150 levels deep",
    "it trains as without headtorch, bit for bit, and is recorded",
    scenario="recursion",
)
@pytest.mark.survives(
    "a model calls itself beyond the limit of recursion",
    "the script gets its RecursionError and trains on as without headtorch, bit for bit",
    scenario="recursion_beyond_the_limit",
)
@pytest.mark.survives(
    "a model of 10,000 layers",
    "it trains as without headtorch, bit for bit, and is recorded",
    scenario="ten_thousand_layers",
)
@pytest.mark.survives(
    "the process forks in mid-training, and both train on",
    "both train as without headtorch, bit for bit; the parent is recorded",
    scenario="fork_after_start",
)
@pytest.mark.survives(
    "threads train two models at the same time",
    "both train as without headtorch, bit for bit; one is recorded, and the report says so",
    scenario="threads_that_train_two_models",
)
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_print_the_same_and_leave_the_same_bits(name: str, plain: Start, recorded: Start) -> None:
    """The scripts print hashes of parameters, gradients, optimizers and the states of all random generators."""
    script = SCRIPTS / f"{name}.py"
    alone, beside = plain(script), recorded(script)
    expected, found = alone.end(), beside.end()
    assert expected.status == 0, expected.err
    assert "FAILED" not in expected.out
    assert found.out.splitlines() == expected.out.splitlines()
    assert found.status == 0
    assert warnings(found) == warnings(expected)
    run = found.run
    assert run.facts.get("errors") is None
    assert run.facts["ending"] == "finished"
    assert run.steps >= SCENARIOS[name]


@pytest.mark.corpus
@pytest.mark.parametrize("script", CORPUS, ids=str)
def test_every_script_of_the_repository(script: Path, plain: Start, recorded: Start, tmp_path: Path) -> None:
    """Each leaves the same parameters, read by a `sitecustomize` that keeps them to the end."""
    watched = {"PYTHONPATH": str(SCRIPTS / "hash_at_exit"), "SEED": "0"}
    alone = plain(ROOT / script, **watched, HASHES=str(tmp_path / "alone"))
    beside = recorded(ROOT / script, **watched, HASHES=str(tmp_path / "beside"))
    expected, found = alone.end(), beside.end()
    assert (found.status, found.out) == (expected.status, expected.out)
    assert (tmp_path / "beside").read_text() == (tmp_path / "alone").read_text()
    assert warnings(found) == warnings(expected)
    assert found.run.facts.get("errors") is None

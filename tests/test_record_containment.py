"""An error of headtorch's own never reaches the training, and one line tells of it at the end."""

from __future__ import annotations

import pytest
from conftest import SCRIPTS, Outcome, Start

TRAINS = SCRIPTS / "trains.py"
PARTS = ("quantities", "hooks", "modules", "optimizers", "network", "backward")


@pytest.fixture(scope="module")
def alone(plain: Start) -> Outcome:
    return plain(TRAINS, "20").end()


@pytest.mark.survives(
    "headtorch itself fails, in any of its parts", "the training goes on; one line tells of it at the end"
)
def test_faults_in_every_part(alone: Outcome, recorded: Start) -> None:
    outcomes = {}
    for pair in (PARTS[:2], PARTS[2:4], PARTS[4:]):  # two at a time, for two cores
        started = {
            part: recorded(TRAINS, "20", PYTHONPATH=str(SCRIPTS / "faults_of_ours"), FAULTS=part) for part in pair
        }
        outcomes |= {part: each.end() for part, each in started.items()}
    for part, outcome in outcomes.items():
        assert (outcome.status, outcome.out) == (0, alone.out), part
        assert "Traceback" not in outcome.err, part
        errors = outcome.run.facts.get("errors", [])
        if part == "hooks":  # it runs inside the user's backward and keeps its errors to itself
            assert not outcome.run.series("output_grad_norm").values.any()
            continue
        assert any("injected into headtorch" in error for error in errors), part
        said = " ".join(outcome.err.split())
        assert said.count("of headtorch itself were contained") == 1, (part, said)


def test_what_does_not_fail_is_still_recorded(recorded: Start) -> None:
    run = recorded(TRAINS, "8", PYTHONPATH=str(SCRIPTS / "faults_of_ours"), FAULTS="quantities").end().run
    assert run.steps == 8
    assert run.series("loss").steps.tolist() == list(range(8))

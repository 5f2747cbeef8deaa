"""Between looked-at steps little is done at each; what is recorded of them is whole all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import SCRIPTS, Start

from headtorch.store.run import Run


@pytest.fixture(scope="module")
def run(recorded: Start) -> Run:
    outcome = recorded(SCRIPTS / "calm.py").end()
    assert outcome.status == 0, outcome.err
    assert outcome.run.facts.get("errors") is None
    return outcome.run


def test_every_loss_has_its_step(run: Run) -> None:
    first, second, *in_turns = (run.series("loss", objective.id) for objective in run.objectives)
    assert first.steps.tolist() == list(range(400))
    assert second.steps.tolist() == list(range(400, 550))
    assert np.flatnonzero(~np.isfinite(first.column())).tolist() == [330]
    turns = [[step for step in range(550, 950) if (step - 550) // 40 % 2 == which] for which in (0, 1)]
    assert [series.steps.tolist() for series in in_turns] == turns


def test_which_passes_a_step_came_before(run: Run) -> None:
    stepped = run.series("loss", run.objectives[0].id).values[:, 1]
    assert stepped.tolist() == [0] + [1] * 199 + [float(step % 2 == 0) for step in range(200, 400)]


def test_the_rate_at_its_change(run: Run) -> None:
    rates = run.series("learning_rate", 0)
    assert rates.steps.tolist() == [0, 120]
    assert rates.column() == pytest.approx([0.01, 0.02])


def test_the_steps_that_are_looked_at(run: Run) -> None:
    starts = (0, 400)
    for objective, start, later in zip(run.objectives, starts, ((106, 159, 212, 265, 318, 371), (106,)), strict=False):
        looked = [start + step for step in (*range(100), *later)]
        assert run.series("grad_norm", objective.id).steps.tolist() == looked
    # Of what takes turns, each counts its own passes.
    for objective in run.objectives[2:]:
        passes = run.series("loss", objective.id).steps
        looked = passes[[*range(100), 106, 159]].tolist()
        assert run.series("grad_norm", objective.id).steps.tolist() == looked


def test_the_loss_that_is_no_number_and_the_evaluation(run: Run) -> None:
    (broken,) = run.events("nan")
    assert (broken.step, broken.value["input"]) == (330, 0.0)
    assert run.series("eval_loss", run.objectives[0].id).steps.tolist() == [141]


def test_a_deep_look_is_at_every_step_and_changes_nothing(plain: Start, recorded: Start, tmp_path: Path) -> None:
    watched = {"PYTHONPATH": str(SCRIPTS / "hash_at_exit")}
    alone = plain(SCRIPTS / "calm.py", **watched, HASHES=str(tmp_path / "alone")).end()
    deep = recorded(SCRIPTS / "calm.py", level="deep", **watched, HASHES=str(tmp_path / "deep")).end()
    assert (deep.status, deep.out) == (0, alone.out)
    assert (tmp_path / "deep").read_text() == (tmp_path / "alone").read_text()
    assert deep.run.facts.get("errors") is None
    first, second, *_ = deep.run.objectives
    for quantity in ("grad_norm", "weight_norm", "output_grad_norm", "input", "prediction"):
        assert deep.run.series(quantity, first.id).steps.tolist() == list(range(400)), quantity
        assert deep.run.series(quantity, second.id).steps.tolist() == list(range(400, 550)), quantity

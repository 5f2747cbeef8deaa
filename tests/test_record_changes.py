"""What is recorded goes on where a training changes on the way: its graph, its mode, its machinery."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import SCRIPTS, Start

from headtorch.store.records import Objective
from headtorch.store.run import Run

SOURCE = (SCRIPTS / "changes.py").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def run(recorded: Start) -> Run:
    outcome = recorded(SCRIPTS / "changes.py").end()
    assert outcome.status == 0, outcome.err
    assert outcome.run.facts.get("errors") is None
    return outcome.run


def objectives(run: Run, name: str) -> list[Objective]:
    """The objectives of one of the script's functions."""
    start = SOURCE.index(f"def {name}():") + 1
    end = next(
        (i for i in range(start, len(SOURCE)) if SOURCE[i].startswith(("def ", "for ", "TRAININGS"))), len(SOURCE)
    )
    return [each for each in run.objectives if each.backward_at and start < each.backward_at.line <= end]


def values(run: Run, found: Objective, quantity: str) -> np.ndarray:
    return run.series(quantity, found.id).values


@pytest.mark.parametrize("quantity", ["activation_std", "saturated_share", "output_grad_norm", "prediction", "measure"])
def test_sequences_of_every_length(quantity: str, run: Run) -> None:
    (found,) = objectives(run, "lengths")
    series = values(run, found, quantity)
    assert len(series) == 30
    assert np.isfinite(series[:, 0]).all()


def test_a_column_is_a_step_of_the_sequence(run: Run) -> None:
    """The first batch has five steps, so all later ones have those five, and the last layer besides."""
    (found,) = objectives(run, "lengths")
    assert [found.nodes[number].op for number in found.measured] == ["Tanh"] * 5
    assert np.isfinite(values(run, found, "activation_std")).all()
    gradients = values(run, found, "output_grad_norm")
    assert gradients.shape == (30, 6)
    assert (gradients > 0).all()


def test_a_layer_that_a_step_leaves_out_is_no_number(run: Run) -> None:
    (found,) = objectives(run, "branches")
    gradients = values(run, found, "output_grad_norm")
    assert gradients.shape == (10, 3)
    assert np.isfinite(gradients).tolist() == [[True, step % 2 == 0, True] for step in range(10)]
    activations = values(run, found, "activation_mean")
    assert np.isfinite(activations).tolist() == [[True, step % 2 == 0] for step in range(10)]


def test_what_is_learnt_from_in_eval_mode_is_no_evaluation(run: Run) -> None:
    first, *rest = objectives(run, "eval_by_mistake")
    assert len(values(run, first, "activation_mean")) == len(values(run, first, "prediction")) == 10
    assert not run.series("eval_loss", first.id)
    assert sum(len(run.series("eval_loss", each.id).steps) for each in rest) == 1


def test_a_single_pass_has_its_places(run: Run) -> None:
    (found,) = objectives(run, "once")
    assert len(values(run, found, "loss")) == 1
    assert all(node.where is not None for node in found.nodes)
    assert [node.layer for node in found.nodes][:3] == ["0", "1", "2"]


def test_nothing_is_done_while_a_cuda_graph_is_captured(run: Run) -> None:
    (found,) = objectives(run, "captured")
    assert len(values(run, found, "loss")) == 5


def test_mixed_precision(run: Run) -> None:
    (found,) = objectives(run, "mixed_precision")
    start = int(run.series("loss", found.id).steps[0])
    casts = [(event.step - start, event.value) for event in run.events("autocast")]
    assert [(step, cast["on"], cast["device"], cast["dtype"]) for step, cast in casts] == [
        (0, True, "cpu", "bfloat16"),
        (4, False, "cpu", "bfloat16"),
    ]
    (scaler,) = run.events("grad_scaler")
    assert (scaler.value["objective"], scaler.value["scale"]) == (found.id, 1024.0)
    scales = run.series("loss_scale", found.id)
    assert (scales.steps - start).tolist() == [0, 2]
    assert scales.column().tolist() == [1024.0, 512.0]


def test_schedulers(run: Run) -> None:
    (event,) = [event for event in run.events("scheduler") if event.value["scheduler"] == "SequentialLR"]
    assert event.value["optimizer_steps"] == 0  # too early
    assert "SequentialLR(" in SOURCE[event.value["where"][0]["line"] - 1]
    counts = run.series("scheduled", event.value["optimizer"]).values.tolist()
    assert counts == [[i, 2 * i - 1] for i in range(1, 5)]


def test_settings_that_are_numbers_of_numpy(run: Run) -> None:
    (found,) = objectives(run, "numbers_of_numpy")
    (number,) = {event.value["optimizer"] for event in run.events("follows") if event.value["objective"] == found.id}
    optimizer = run.optimizers[number]
    assert optimizer.stepped_at is not None
    assert optimizer.groups[0]["lr"] == 0.01
    assert optimizer.groups[0]["momentum"] == pytest.approx(0.9)
    assert run.series("learning_rate", number).column().tolist() == pytest.approx([0.01, 1.0, np.cos(1), np.cos(2)])


def test_networks_that_take_turns_on_one_line_keep_their_own_losses(run: Run) -> None:
    first, second = objectives(run, "taking_turns")
    start = int(run.series("loss", first.id).steps[0])
    mine, theirs = (run.series("loss", each.id) for each in (first, second))
    assert (mine.steps - start).tolist() == [step for step in range(400) if step // 7 % 2 == 0]
    assert (theirs.steps - start).tolist() == [step for step in range(400) if step // 7 % 2 == 1]
    assert mine.column().max() < theirs.column().min()

"""What is recorded of a training: the same numbers as plain PyTorch computes, and the very places in the source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SCRIPTS, Outcome, Start

from headtorch.model import Where
from headtorch.store.records import Node, Objective
from headtorch.store.run import Run

PLACES = (SCRIPTS / "places.py").read_text(encoding="utf-8").splitlines()
NAMES = ("regression", "classification", "broadcast", "two_terms", "temporary", "turns_nan")


@pytest.fixture(scope="module")
def outcomes(recorded: Start) -> dict[str, Outcome]:
    started = {name: recorded(SCRIPTS / f"{name}.py") for name in ("measured", "places", "unread")}
    return {name: each.end() for name, each in started.items()}


@pytest.fixture(scope="module")
def run(outcomes: dict[str, Outcome]) -> Run:
    run = outcomes["measured"].run
    assert run.facts.get("errors") is None
    return run


@pytest.fixture(scope="module")
def expected(outcomes: dict[str, Outcome]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(outcomes["measured"].out)
    return found


def objective(run: Run, name: str) -> Objective:
    """The objective of one of the script's trainings, found by the function it ran in."""
    source = next(text for file, text in run.sources.items() if file.endswith("measured.py")).splitlines()

    def function_at(line: int) -> str:
        above = [text for text in source[:line] if text.startswith("def ")]
        return above[-1].split("(")[0].removeprefix("def ")

    (found,) = [each for each in run.objectives if each.backward_at and function_at(each.backward_at.line) == name]
    return found


def values(run: Run, name: str, quantity: str) -> np.ndarray:
    return run.series(quantity, objective(run, name).id).values


def close(found: np.ndarray, wanted: Any, within: float = 2e-5) -> None:
    np.testing.assert_allclose(np.squeeze(found), np.squeeze(np.array(wanted)), rtol=within, atol=1e-6)


def test_each_training_is_an_objective(run: Run) -> None:
    assert len(run.objectives) == len(NAMES)
    assert [len(run.series("loss", objective(run, name).id).steps) for name in NAMES] == [12, 10, 2, 2, 3, 4]
    assert run.steps == 33


def test_every_loss_is_exact(run: Run, expected: dict[str, dict[str, Any]]) -> None:
    for name in ("regression", "classification", "turns_nan"):
        found = values(run, name, "loss")[:, 0]
        assert np.array_equal(found, np.array(expected[name]["loss"], np.float32), equal_nan=True)


@pytest.mark.parametrize(
    "quantity", ["grad_norm", "weight_norm", "output_grad_norm", "dead_share", "zero_share", "measure"]
)
def test_quantities_of_a_regression(quantity: str, run: Run, expected: dict[str, dict[str, Any]]) -> None:
    close(values(run, "regression", quantity), expected["regression"][quantity])


def test_update_ratio(run: Run, expected: dict[str, dict[str, Any]]) -> None:
    """Known from the next backward pass on, so the last step has none."""
    series = run.series("update_ratio", objective(run, "regression").id)
    assert len(series.steps) == 11
    close(series.values, expected["regression"]["update_ratio"][:11], within=1e-3)


def test_gradients_that_were_reset_leave_nothing_stale(run: Run) -> None:
    stale = run.series("stale_grad_norm", objective(run, "regression").id)
    assert not stale or not stale.values.any()


@pytest.mark.parametrize("quantity", ["prediction", "target", "input"])
def test_scales_of_a_regression(quantity: str, run: Run, expected: dict[str, dict[str, Any]]) -> None:
    close(values(run, "regression", quantity)[:, :4], expected["regression"][quantity], within=1e-4)


def test_learning_rates_are_recorded_at_each_change(run: Run, expected: dict[str, dict[str, Any]]) -> None:
    rates = expected["regression"]["rate"]
    changes = [step for step, rate in enumerate(rates) if step == 0 or rate != rates[step - 1]]
    optimizer = next(each for each in run.optimizers.values() if each.kind == "SGD")
    series = run.series("learning_rate", optimizer.id)
    assert series.steps.tolist() == changes == [0, 4, 8]
    close(series.values, [rates[step] for step in changes])
    assert optimizer.groups[0]["momentum"] == 0.9


@pytest.mark.parametrize("quantity", ["saturated_share", "measure", "activation_mean", "activation_std"])
def test_quantities_of_a_classification(quantity: str, run: Run, expected: dict[str, dict[str, Any]]) -> None:
    """In eval mode from step 4 on: the graph is another without its dropout."""
    found = values(run, "classification", quantity)
    assert len(found) == 10
    close(found, expected["classification"][quantity])


def test_evaluations(run: Run, expected: dict[str, dict[str, Any]]) -> None:
    close(values(run, "regression", "eval_loss"), expected["regression"]["eval_loss"])
    assert run.facts["evaluations"] == 12


def test_classes_are_counted(run: Run, expected: dict[str, dict[str, Any]]) -> None:
    counts = values(run, "classification", "class_count")
    assert counts[:, :3].tolist() == expected["classification"]["class_count"]
    assert not counts[:, 3:].any()


def test_fingerprints_know_an_example_in_any_company(run: Run) -> None:
    marks = values(run, "classification", "fingerprint")[:, :20]
    first = marks[0]
    assert first[2] == first[7]
    assert len(set(first.tolist())) == 19
    assert all(sorted(row) == sorted(first) for row in marks.tolist())
    assert any(row != first.tolist() for row in marks.tolist())  # the order did change


def test_inputs_that_are_gone_by_then_are_paired_with_their_targets(
    run: Run, expected: dict[str, dict[str, Any]]
) -> None:
    close(values(run, "temporary", "label")[:, :16], expected["temporary"]["label"])
    close(values(run, "temporary", "association")[:, 0], expected["temporary"]["explained"], within=1e-4)


def test_modes_are_events(run: Run) -> None:
    number = objective(run, "classification").id
    start = int(run.series("loss", number).steps[0])
    modes = [(event.step - start, event.value) for event in run.events("mode") if event.value["objective"] == number]
    assert [
        (step, mode["training"], mode["dropouts"], mode["dropouts_off"], mode["norms_off"]) for step, mode in modes
    ] == [
        (0, 1, 1, 0, 0),
        (4, 0, 1, 1, 1),
    ]


def test_the_first_loss_that_is_no_number_is_an_event(run: Run) -> None:
    (event,) = run.events("nan")
    losses = run.series("loss", objective(run, "turns_nan").id)
    assert (event.step, event.value["value"]) == (int(losses.steps[2]), "inf")
    assert objective(run, "turns_nan").by_hand


def operations(found: Objective) -> list[str]:
    return [node.op for node in found.nodes]


def test_the_graph_of_a_regression(run: Run) -> None:
    found = objective(run, "regression")
    assert operations(found) == ["Addmm", "Relu", "Addmm", "MseLoss"]
    assert [node.shape for node in found.nodes] == [(32, 8), (32, 8), (32, 1), ()]
    assert [node.layer for node in found.nodes] == ["0", "1", "2", ""]
    assert [found.nodes[number].op for number in found.layers] == ["Addmm", "Addmm"]
    assert [run.parameters[number].name for number in found.parameters] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    (loss,) = found.losses
    assert (loss.name, loss.prediction, loss.reduction, loss.broadcast) == ("mse", 2, "mean", None)
    assert (loss.target_shape, loss.prediction_shape) == ((32, 1), (32, 1))


def test_the_graph_of_a_classification(run: Run) -> None:
    found = objective(run, "classification")
    (loss,) = found.losses
    assert (loss.name, loss.target_dtype, loss.target_shape) == ("cross_entropy", "int64", (20,))
    assert loss.prediction is not None
    assert found.nodes[loss.prediction].layer == "last"
    watched = {run.parameters[number].name for number in found.parameters}
    reached = {run.parameters[number].name for number in found.reached}
    assert watched - reached == {"unused.weight", "unused.bias"}


def test_a_broadcast_is_seen_by_its_shapes(run: Run) -> None:
    (loss,) = objective(run, "broadcast").losses
    assert (loss.name, loss.broadcast) == ("mse", ((16, 1), (16, 16)))


def test_two_terms(run: Run) -> None:
    found = objective(run, "two_terms")
    assert {(loss.name, loss.reduction) for loss in found.losses} == {("bce", "mean"), ("l1", "sum")}
    assert {found.nodes[loss.prediction].op for loss in found.losses if loss.prediction is not None} == {"Sigmoid"}
    assert [found.nodes[number].op for number in found.layers] == ["Addmm", "Addmm"]


# ---- places ---------------------------------------------------------------------------------------------------------


def text(where: Where | None) -> str:
    """What a place spans, lines joined by a bar."""
    assert where is not None
    assert where.file == str(SCRIPTS / "places.py")
    if where.column is None or where.end_line is None or where.end_column is None:  # Python 3.10
        return PLACES[where.line - 1]
    lines = PLACES[where.line - 1 : where.end_line]
    lines[-1] = lines[-1][: where.end_column - 1]
    lines[0] = lines[0][where.column - 1 :]
    return "|".join(line.strip() for line in lines)


def check(where: Where | None, wanted: str) -> None:
    found = text(where)
    assert found == wanted or (where and where.column is None and wanted.split("|")[0] in found)


@pytest.fixture(scope="module")
def places(outcomes: dict[str, Outcome]) -> Run:
    run = outcomes["places"].run
    assert run.facts.get("errors") is None
    return run


def test_places_of_optimizers(places: Run) -> None:
    wanted = (
        "torch.optim.SGD(model.parameters(), lr=0.1)",
        "torch.optim.Adam(|model.parameters(),|lr=0.1,|)",
        "torch.optim.AdamW(layers.parameters(), lr=len(größe))",
    )
    for optimizer, each in zip(places.optimizers.values(), wanted, strict=True):
        check(optimizer.made_at[0], each)
        check(optimizer.stepped_at, "optimizer.step()")


def test_places_of_losses(places: Run) -> None:
    wanted = (
        "F.mse_loss(model(data), data[:, :1])",
        "F.cross_entropy(|model(data),|torch.zeros(8, dtype=torch.long),|)",
        "F.l1_loss(hidden, data)",
    )
    for each, call in zip(places.objectives, wanted, strict=True):
        check(each.backward_at, "loss.backward()")
        check(each.nodes[each.losses[0].node].where, call)


def node(objective: Objective, op: str, number: int = 0) -> Node:
    return [each for each in objective.nodes if each.op == op][number]


def test_places_in_a_sequential(places: Run) -> None:
    first = places.objectives[0]
    check(node(first, "Relu").made_at, "nn.ReLU()")
    check(node(first, "Addmm").made_at, "nn.Linear(4, 5)")
    check(node(first, "Addmm", 1).made_at, "nn.Linear(5, 1)")
    check(node(first, "Relu").where, "model(data)")


def test_places_in_a_module_of_the_user(places: Run) -> None:
    second = places.objectives[1]
    check(node(second, "Tanh").where, "torch.tanh(self.first(inputs))")
    check(node(second, "Gelu").where, "F.gelu(super().forward(inputs))")
    check(node(second, "Addmm").where, "self.first(inputs)")
    check(node(second, "Addmm").made_at, "nn.Linear(4, 5)")
    check(node(second, "Addmm", 2).made_at, "nn.Linear(3, 2)")
    (root,) = [module for module in places.modules.values() if module.kind == "Deeper"]
    check(root.made_at, "Deeper()")
    check(root.called_at, "model(data)")


def test_places_in_a_lambda_and_a_comprehension(places: Run) -> None:
    third = places.objectives[2]
    check(node(third, "Sigmoid").where, "torch.sigmoid(x)")
    check(node(third, "Addmm").made_at, "nn.Linear(4, 4)")
    check(node(third, "Addmm", 1).where, "layer(hidden)")


def test_the_source_is_kept(places: Run) -> None:
    assert places.sources[str(SCRIPTS / "places.py")].splitlines() == PLACES


# ---- nothing else happens -------------------------------------------------------------------------------------------


def test_no_value_is_read_on_the_way(outcomes: dict[str, Outcome]) -> None:
    """On tensors without values every read would raise, and be counted among headtorch's own errors."""
    outcome = outcomes["unread"]
    assert (outcome.status, outcome.out) == (0, "no values here\ntrained\n")
    run = outcome.run
    assert run.facts.get("errors") is None
    assert [len(each.measured) > 0 for each in run.objectives] == [True, True]
    assert all(run.parameters[number].name for each in run.objectives for number in each.reached)
    assert run.facts["evaluations"] == 12


def test_nothing_is_kept_alive(plain: Start, recorded: Start) -> None:
    script = SCRIPTS / "kept.py"
    alone, beside = plain(script), recorded(script)
    expected, found = alone.end(), beside.end()
    assert "end []" in expected.out
    assert found.out.splitlines() == expected.out.splitlines()
    assert found.run.facts.get("errors") is None
    assert found.run.steps > 120


def test_a_run_file_is_portable(outcomes: dict[str, Outcome]) -> None:
    assert [path.suffix for path in Path(outcomes["measured"].runs).iterdir()] == [".htdb"]

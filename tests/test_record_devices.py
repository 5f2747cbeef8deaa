"""Recording makes no device wait: counted on a device that notes each operation which would block a real one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from conftest import SCRIPTS, Start

from headtorch.record.outbox import WINDOW
from headtorch.store.run import Run

STEPS = 40
MOST_VECTORS = 32  # of a step
EVALUATIONS = [9, 19, 29, 39]  # after each of which the script reads a loss itself


@pytest.fixture(scope="module")
def told(recorded: Start) -> tuple[Run, Mapping[str, Any]]:
    """The run, and what the script noted."""
    ended = recorded(SCRIPTS / "far.py", level="deep").end()
    assert ended.status == 0, ended.err
    return ended.run, json.loads(ended.out)


def test_a_device_is_looked_at_as_a_cpu_is(told: tuple[Run, Mapping[str, Any]], plain: Start) -> None:
    run, noted = told
    assert run.facts.get("errors") is None
    (found,) = run.objectives
    each_step = ("loss", "grad_norm", "weight_norm", "activation_std", "input", "prediction", "measure", "clip")
    for quantity in (*each_step, "clip_value", "label", "pair_target"):
        assert len(run.series(quantity, found.id).steps) == STEPS, quantity
    assert len(run.series("update_ratio", found.id).steps) == STEPS - 1
    left_out = np.isnan(run.series("output_grad_norm", found.id).values)
    assert left_out.any(axis=1).tolist() == [step % 2 == 1 for step in range(STEPS)]
    assert json.loads(plain(SCRIPTS / "far.py").end().out)["loss"] == noted["loss"]


def test_no_step_waits_for_the_device(told: tuple[Run, Mapping[str, Any]]) -> None:
    """Nothing waits but the outbox, once in 256 vectors; a GPU with events is not waited for there either."""
    _, noted = told
    waits = dict(noted["waits"])
    assert waits.pop("") == [*EVALUATIONS, -1], "the device sees what the script reads"
    assert noted["asked"]["quantities/fingerprint.py"] > STEPS, "the device sees what headtorch computes"
    sent = waits.pop("outbox.py")
    assert waits == {}
    assert np.diff(sent).min() >= WINDOW / MOST_VECTORS

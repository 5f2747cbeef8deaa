"""grad-accumulation-wrong tells wrong ways of collecting gradients from right ones; wrong-dimension, attention over
examples."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import SCRIPTS, Start

from headtorch.diagnose import diagnose
from headtorch.rules import chosen


def test_only_the_wrong_ways_are_told(recorded: Start) -> None:
    script = SCRIPTS / "collects.py"
    ended = recorded(script).end()
    assert "Traceback" not in ended.err
    report, _ = diagnose(ended.run.path, chosen(["grad-accumulation-wrong", "no-zero-grad", "wrong-dimension"], []))
    assert report.notices == ()
    lines = script.read_text().splitlines()
    told = {(f.rule, lines[f.where.line - 1].strip()) for f in report.findings if f.where and f.role == "cause"}
    assert told == {
        ("grad-accumulation-wrong", "optimizer.step()"),
        ("grad-accumulation-wrong", "nn.functional.mse_loss(model(a), 3 * b).backward()"),
        ("grad-accumulation-wrong", "if i % 40 == 39:"),
        ("wrong-dimension", "layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)"),
    }


def test_losses_that_share_a_trunk_add_to_its_gradients(recorded: Start) -> None:
    report, _ = diagnose(recorded(SCRIPTS / "trunk.py").end().run.path)
    assert (report.verdict, report.findings) == ("healthy", ())


def test_of_several_fits_at_one_line_the_one_is_named(recorded: Start) -> None:
    report, _ = diagnose(recorded(SCRIPTS / "turns.py").end().run.path)
    (finding,) = (finding for finding in report.findings if finding.severity == "error" and finding.role == "cause")
    assert finding.rule == "lr-too-high"
    assert [seen.steps for seen in finding.saw if seen.quantity == "loss"] == ["fit 2 of 2"]


def test_calls_of_a_step_are_one_training_unless_they_take_turns(recorded: Start) -> None:
    run = recorded(SCRIPTS / "calls.py").end().run
    steps = [run.series("loss", objective.id).steps.tolist() for objective in run.objectives]
    assert steps == [list(range(155)), list(range(155, 255, 2)), list(range(156, 255, 2))]
    report, _ = diagnose(run.path)
    assert (report.verdict, report.findings) == ("healthy", ())


def test_a_training_that_has_just_begun_is_not_judged_by_its_loss(recorded: Start) -> None:
    for started in [recorded(SCRIPTS / "short.py", str(steps)) for steps in (1, 3, 5, 10, 20)]:
        report, _ = diagnose(started.end().run.path)
        assert (report.verdict, report.findings) == ("healthy", ())


def test_what_is_said_of_weights_that_stay_fits_what_the_source_has(recorded: Start) -> None:
    script = SCRIPTS / "left_out.py"
    report, _ = diagnose(recorded(script).end().run.path)
    lines = script.read_text().splitlines()
    told = {(f.severity, lines[f.where.line - 1].strip(), f.label) for f in report.findings if f.where is not None}
    assert told == {
        ("error", "if i % 100 == 99:", "the step in line 21 depends on this, and never runs"),
        ("error", "of_part = torch.optim.SGD(part[2].parameters(), lr=0.01)", "leaves them out"),
        (
            "error",
            "of_another = torch.optim.SGD(network().parameters(), lr=0.01)",
            "holds parameters that this network does not use",
        ),
        ("note", "features[0].requires_grad_(False)", "turns learning on and off"),
    }


def test_episodes_of_different_lengths_and_a_head_that_starts_at_zero_are_sound(recorded: Start) -> None:
    ended = recorded(SCRIPTS / "episodes.py").end()
    report, _ = diagnose(ended.run.path)
    assert [finding.rule for finding in report.findings] == []
    (objective,) = ended.run.objectives
    assert ended.run.series("loss", objective.id).values[0, 0] < 0


@pytest.mark.parametrize(
    ("then", "notice"),
    [
        (
            "model.weight.grad = torch.ones(1, 3); optimizer.step()",
            "an optimizer took steps, but on gradients that no ",
        ),
        ("", "the network was called 5 times, but no backward pass followed, and 33.33% of what it was given is NaN"),
    ],
)
def test_what_came_in_place_of_a_training_is_said(recorded: Start, tmp_path: Path, then: str, notice: str) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import torch\nmodel = torch.nn.Linear(3, 1)\noptimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        f"x = torch.tensor([[1.0, 2.0, float('nan')]])\nfor _ in range(5):\n    model(x)\n    {then}\n"
    )
    report, _ = diagnose(recorded(script).end().run.path)
    assert report.verdict == "unknown"
    assert report.notices[0].startswith(notice)


def test_what_is_meant_is_not_told(recorded: Start) -> None:
    report, _ = diagnose(recorded(SCRIPTS / "meant.py").end().run.path)
    assert [(finding.rule, finding.where) for finding in report.findings if finding.severity != "note"] == []

"""hidden-state-misuse: silent for a stream that carries its state, told for a layer read at its first step."""

from __future__ import annotations

from conftest import SCRIPTS, Start

from headtorch.diagnose import diagnose
from headtorch.rules import chosen


def test_only_the_layer_that_is_read_at_its_first_step_is_told(recorded: Start) -> None:
    ended = recorded(SCRIPTS / "states.py").end()
    assert ended.status == 0, ended.err
    assert "torch.Size([3, 2, 8])" in ended.out
    report, _ = diagnose(ended.run.path, chosen(["hidden-state-misuse"], []))
    assert report.notices == ()
    assert [(f.rule, f.where and f.where.line) for f in report.findings] == [("hidden-state-misuse", 19)]
    carried = [
        ended.run.series("given_state", number).values
        for number in ended.run.parameters
        if ended.run.series("given_state", number)
    ]
    assert [bool((values[1:, 0] > 0).all()) for values in carried[:3]] == [False, False, False]
    assert (carried[0][:, 1] > 0).sum() == 27, "each stretch of a stream but the first of an epoch"

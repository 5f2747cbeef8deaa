"""hidden-state-misuse: silent for a stream that carries its state and for layers that run several times; told for a
layer read at its first step, and for one that begins each step anew."""

from __future__ import annotations

from conftest import SCRIPTS, Start

from headtorch.diagnose import diagnose
from headtorch.rules import chosen


def test_only_what_is_read_too_early_or_begins_each_step_anew_is_told(recorded: Start) -> None:
    ended = recorded(SCRIPTS / "states.py").end()
    assert ended.status == 0, ended.err
    assert "torch.Size([3, 2, 8])" in ended.out
    report, _ = diagnose(ended.run.path, chosen(["hidden-state-misuse"], []))
    assert report.notices == ()
    lines = (SCRIPTS / "states.py").read_text().splitlines()
    anew = [number for number, line in enumerate(lines, 1) if line.endswith("# begins anew")]
    assert len(anew) == 2
    assert sorted(f.where.line for f in report.findings if f.where) == [20, *anew]
    carried = [
        ended.run.series("given_state", number).values
        for number in ended.run.parameters
        if ended.run.series("given_state", number)
    ]
    assert [bool((values[1:, 0] > 0).all()) for values in carried[:3]] == [False, False, False]
    assert (carried[0][:, 1] > 0).sum() == 27, "each stretch of a stream but the first of an epoch"

"""wrong-dimension: silent for reshapes that are unusual and sound, told where one stands for a transpose."""

from __future__ import annotations

import pytest
from conftest import SCRIPTS, Start

from headtorch.diagnose import diagnose
from headtorch.record.reshapes import in_another_order
from headtorch.rules import chosen


def test_only_the_reshapes_that_mix_are_told(recorded: Start) -> None:
    script = SCRIPTS / "reshapes.py"
    ended = recorded(script).end()
    assert ended.status == 0, ended.err
    report, _ = diagnose(ended.run.path, chosen(["wrong-dimension"], []))
    marked = [n for n, line in enumerate(script.read_text().splitlines(), 1) if line.endswith("# mixes")]
    assert len(marked) == 3
    assert sorted(f.where.line for f in report.findings if f.where) == marked


@pytest.mark.parametrize(
    ("before", "after", "mixes"),
    [
        ((64, 4, 12, 12), (64, 12, 48), True),  # heads merged without a transpose
        ((8, 8, 6, 16), (8, 6, 128), True),  # more heads than steps
        ((32, 12, 48), (32, 4, 12, 12), True),  # heads split without one
        ((8, 10, 16, 16), (8, 256, 10), True),  # pixels with their classes, channels first
        ((32, 100, 30), (32, 30, 100), True),
        ((32, 64, 20), (32, 32, 40), False),  # two steps joined
        ((32, 100, 8), (32, 200, 4), False),  # a step made two
        ((32, 16, 16, 4), (32, 128, 8), False),  # neighbours joined, rows flattened
        ((32, 256, 6, 6), (32, 1152, 8), False),  # capsules
        ((8, 4, 4, 16), (8, 64, 4), False),  # boxes of a detector
        ((9, 16 * 4, 16), (9 * 16, 64), False),  # heads beside the examples, as in PyTorch's own attention
        ((32, 1, 64), (32, 64), False),
    ],
)
def test_a_shape_in_another_order(before: tuple[int, ...], after: tuple[int, ...], mixes: bool) -> None:
    assert in_another_order(before, after) is mixes

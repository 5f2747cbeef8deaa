"""The labs: their claims hold with three seeds, their pages are whole, their knobs refuse what is out of range."""

from __future__ import annotations

import inspect
import json
import math
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from headtorch.figures.svg import svg
from headtorch.figures.terminal import drawn
from headtorch.labs import LEADS, Lab, all_labs, labs_of, loaded
from headtorch.labs.kit.knobs import from_query, knobs_of, to_query, turned
from headtorch.model import UserError
from headtorch.rules import all_rules

LABS = all_labs()
PAGES = Path(__file__).parent.parent / "docs" / "labs"
by_name = pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)


@pytest.mark.labs
@by_name
def test_its_claims_hold_with_each_seed(lab: Lab) -> None:
    module = loaded(lab)
    for seed in range(3):
        numbers = module.experiment(seed, False)
        assert set(numbers) == {claim.number for claim in module.CLAIMS}
        failed = [
            f"{c.sentence}: {numbers[c.number]:.4g}, not {c.bounds}"
            for c in module.CLAIMS
            if not c.holds(numbers[c.number])
        ]
        assert not failed, f"seed {seed}: {failed}"


@by_name
def test_a_claim_can_fail(lab: Lab) -> None:
    for claim in loaded(lab).CLAIMS:
        assert not all(map(claim.holds, (-math.inf, -1e9, 1e9, math.inf))), claim
        assert not claim.holds(math.nan)


@by_name
def test_its_first_frame_is_whole_and_the_rest_can_be_left(lab: Lab) -> None:
    module = loaded(lab)
    frames = module.frames(module.Knobs())
    assert inspect.isgenerator(frames)
    frame = next(frames)
    frames.close()
    assert frame.figures and 0 <= frame.progress <= 1
    for figure in frame.figures:
        assert figure.title and svg(figure)
        for width in (80, 120):
            lines = drawn(figure, width=width, colour=False).splitlines()
            assert len(lines) > 2 and max(map(len, lines)) <= width and not any("\x1b" in line for line in lines)
        assert "\x1b[" in drawn(figure, width=80, colour=True)


@by_name
def test_its_page_is_whole(lab: Lab) -> None:
    assert lab.headline.endswith(".")
    assert all(lab.paragraph(lead) for lead in LEADS)
    assert lab.concept.count(". ") + 1 in (4, 5), "the concept in four sentences"
    assert set(lab.rules) <= {rule.name for rule in all_rules()}
    assert set(lab.says.values()) <= set(lab.rules)
    for setting in lab.says:
        from_query(loaded(lab).Knobs, setting)


@by_name
def test_its_knobs_go_to_an_address_and_back(lab: Lab) -> None:
    kind = loaded(lab).Knobs
    assert to_query(kind()) == ""
    ends = {each.name: each.choices[-1] if each.choices else str(each.high) for each in knobs_of(kind)}
    knobs = turned(kind, ends)
    assert from_query(kind, to_query(knobs)) == knobs
    with pytest.raises(FrozenInstanceError):
        knobs.seed = 1


@by_name
def test_a_wrong_value_is_refused_with_what_is_allowed(lab: Lab) -> None:
    kind = loaded(lab).Knobs
    for each in knobs_of(kind):
        wrong = ["", "nan", "x" * 1000, "1e999", "-1e9", "\x1b[31m"] if not each.choices else ["", "nothing"]
        for text in wrong:
            with pytest.raises(UserError) as told:
                turned(kind, {each.name: text})
            assert each.allowed in str(told.value) and len(str(told.value)) < 300


def test_the_reading_order_has_no_gap() -> None:
    assert [lab.place for lab in LABS] == list(range(1, len(LABS) + 1))


def test_a_rule_has_its_labs() -> None:
    assert [lab.name for lab in labs_of("lr-too-high")] == [
        "learning-rate",
        "descent",
        "blocks",
        "thousand-experiments",
    ]


@pytest.mark.labs
@by_name
def test_its_written_page_is_in_step(lab: Lab) -> None:
    page = (PAGES / f"{lab.name}.md").read_text(encoding="utf-8")
    code = lab.source[lab.source.index("from __future__") :].strip()
    told = (code, lab.concept, lab.paragraph("Question:"), lab.paragraph("Answer:"))
    assert all(each in page for each in told), "run `make labs`"
    for claim in loaded(lab).CLAIMS:
        assert f"| {claim.sentence} | {claim.bounds} |" in page
    assert "does not hold" not in page


SAID = [(lab, setting, rule) for lab in LABS for setting, rule in lab.says.items()]


@pytest.mark.labs
@pytest.mark.parametrize(("lab", "setting", "rule"), SAID, ids=lambda value: getattr(value, "name", value))
def test_headtorch_says_so(lab: Lab, setting: str, rule: str, tmp_path: Path) -> None:
    """The lab's own training, recorded: a copy of its file, for lines in headtorch's folder are no user's."""
    script = tmp_path / "lab.py"
    ends = (
        f"from headtorch.labs.kit.knobs import from_query\nfor _ in frames(from_query(Knobs, {setting!r})):\n    pass\n"
    )
    script.write_text(lab.source + "\n\n" + ends, encoding="utf-8")
    report = tmp_path / "report.json"
    command = [
        sys.executable,
        "-m",
        "headtorch",
        "run",
        "--runs",
        str(tmp_path / "runs"),
        "--report",
        str(report),
        str(script),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [(finding["rule"], finding["role"]) for finding in json.loads(report.read_text())["findings"]]
    assert (rule, "cause") in found, done.stderr

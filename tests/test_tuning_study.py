"""The study of a search, in a real SQLite file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from headtorch.model import UserError, Where
from headtorch.trials.orders import Ran
from headtorch.trials.verdict import Pair
from headtorch.tuning.knobs import Knob
from headtorch.tuning.study import Study, name_of, value_of

RATE = Knob("learning rate", ((Where("train.py", 1), 1.0),), 1e-6, 10.0, 0.1)
WIDTH = Knob("width", ((Where("train.py", 2), 1.0),), 8, 64, 16, whole=True)


def ran(stopped: str = "", failed: str = "") -> Ran:
    return Ran(None, 50, 1.0, (), failed, stopped, losses=((10, 2.0), (20, 3.0)))


def test_what_was_told_is_known_again(tmp_path: Path) -> None:
    pair = Pair("held-out R²", math.nan, 0.9, 0.0, 0.9, True)
    study = Study(tmp_path / "a.db", "one")
    study.begin([{"learning rate": 0.01}])
    first = study.ask([RATE, WIDTH], ["width"], {})
    assert first.values == {"learning rate": 0.01}  # what was put in front, and no other knob
    study.tell(first, ran(), pair)
    second = study.ask([RATE, WIDTH], ["width"], first.values)
    assert second.values["learning rate"] == 0.01 and 8 <= second.values["width"] <= 64
    study.tell(second, ran(stopped="flat"), None)

    (known,) = Study(tmp_path / "a.db", "one").known()
    assert known.values == first.values
    assert math.isnan(known.pair.before) and known.pair[2:] == pair[2:]
    assert list(Study(tmp_path / "a.db", "other").known()) == []


def test_what_a_killed_search_was_running_is_tried_again(tmp_path: Path) -> None:
    study = Study(tmp_path / "a.db", "one")
    study.begin([{"learning rate": 0.3}])
    cut = study.ask([RATE], ["learning rate"], {})
    again = Study(tmp_path / "a.db", "one")
    assert again.go_on() == 1
    asked = again.ask([RATE], ["learning rate"], {})
    assert asked.values == cut.values and asked.number != cut.number
    assert again.go_on() == 1  # nobody has told that one either


def test_of_a_loss_less_is_better() -> None:
    worse, better = (Pair("held-out loss", 2.0, after, None, 0.5, True) for after in (0.4, 0.2))
    assert value_of(better) > value_of(worse)


def test_another_text_or_other_arguments_are_another_study(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("a = 1\n")
    one, other = name_of(script, ()), name_of(script, ("--lr", "1"))
    script.write_text("a = 2\n")
    assert len({one, other, name_of(script, ())}) == 3


def test_a_file_that_is_no_study_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("this is no database " * 100)
    with pytest.raises(UserError, match="cannot keep the study in"):
        Study(tmp_path / "a.db", "one")

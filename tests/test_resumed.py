"""`headtorch run --append`: one file goes on over several processes, and reads as one training."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from conftest import SCRIPTS, Started

from headtorch.record.writer import Writer
from headtorch.store.records import Loss, Module, Objective, Optimizer, Parameter
from headtorch.store.resumed import Resume, join
from headtorch.store.run import Run

RESUMES = SCRIPTS / "resumes.py"


def headtorch(folder: Path, *arguments: str) -> Started:
    return Started(["-m", "headtorch", *arguments], folder, folder / "headtorch-runs", {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("resumed")


@pytest.fixture(scope="module")
def losses(folder: Path) -> list[str]:
    """What a training prints that is killed, and resumed by another process."""
    printed = headtorch(folder, "run", str(RESUMES), "150", "killed", "a.pt").end().out.splitlines()
    (path,) = (folder / "headtorch-runs").glob("*.htdb")
    as_of_old(path)
    second = headtorch(folder, "run", "--append", str(path), str(RESUMES), "200", "ends", "a.pt").end()
    assert second.status == 0, second.err
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    said = " ".join(second.err.split())
    assert "resumed at step 150 on " in said
    assert "before that: killed" in said
    assert "4 parameters and 2 layers" in said
    return [*printed, *second.out.splitlines()]


def as_of_old(path: Path) -> None:
    """Make a file what an earlier version would have left."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TABLE packed")
        db.execute("PRAGMA user_version = 1")


@pytest.fixture
def run(folder: Path, losses: list[str]) -> Iterator[Run]:
    (path,) = (folder / "headtorch-runs").glob("*.htdb")
    opened = Run(path)
    yield opened
    opened.close()


def test_the_losses_go_on(run: Run, losses: list[str]) -> None:
    (objective,) = run.objectives
    series = run.series("loss", objective.id)
    assert series.steps.tolist() == list(range(350))
    assert series.column().tobytes() == np.array([float.fromhex(loss) for loss in losses], np.float32).tobytes()


def test_what_is_trained_is_one_network(run: Run) -> None:
    (objective,) = run.objectives
    assert objective.first_step == 0
    assert [run.parameters[number].name for number in objective.parameters] == [
        "0.weight", "0.bias", "2.weight", "2.bias",
    ]  # fmt: skip
    assert len(run.parameters) == 4
    assert not any(parameter.loaded for parameter in run.parameters.values())  # it began with them
    assert len(run.optimizers) == len([module for module in run.modules.values() if module.parent is None]) == 1
    looked = run.series("update_ratio", objective.id).steps.tolist()
    assert looked[:100] == list(range(100))
    assert {149, 150, 151, 249} & set(looked) == {150, 151, 249}  # each process looks at its own first hundred
    assert {event.value["objective"] for event in run.events("mode")} == {objective.id}
    assert run.summary().ending == "finished"


def test_how_long_it_ran_is_without_the_pauses(run: Run) -> None:
    (resume,) = run.resumes
    summary = run.summary()
    assert summary.seconds is not None
    assert 0 < summary.seconds <= run.facts["ended"] - summary.started - (resume.began - resume.ended)


def test_the_file_of_another_script_is_refused(folder: Path, losses: list[str]) -> None:
    (path,) = (folder / "headtorch-runs").glob("*.htdb")
    (folder / "other.py").write_text("print('ran')")
    before = path.read_bytes()
    for arguments, sentence in (
        ([str(path), "other.py"], f"cannot append to '{path}': it is a run of '{RESUMES}', not of 'other.py'"),
        ([str(path), "-m", "other"], f"cannot append to '{path}': it is a run of '{RESUMES}', not of 'other'"),
        (["no.htdb", "other.py"], f"cannot read '{folder / 'no.htdb'}': there is no such file"),
        (["other.py", "other.py"], f"cannot read '{folder / 'other.py'}': it is no run file"),
    ):
        done = headtorch(folder, "run", "--append", *arguments).end()
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1), done.err
        assert done.err.startswith(f"headtorch: {sentence}")
    assert path.read_bytes() == before


def test_the_same_script_elsewhere_is_the_same(folder: Path, tmp_path: Path) -> None:
    """A job's folder has another name each time."""
    for place in ("first", "second"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "train.py").write_text("import json\nprint('ran')\n")
    first = headtorch(tmp_path / "first", "run", "train.py").end()
    (path,) = first.runs.glob("*.htdb")
    with closing(sqlite3.connect(path)) as db, db:  # as its first stack would have
        db.execute("INSERT INTO source VALUES ('/gone/train.py', 'import json\nprint(''ran'')\n')")
    second = headtorch(tmp_path / "second", "run", "--append", str(path), "train.py").end()
    assert (second.status, second.out) == (0, "ran\n")
    assert Run(path).resumes[0].ending == "finished"


@pytest.mark.survives("a run is appended to while it is recorded", "one sentence before the script starts")
def test_a_file_that_is_being_written_is_refused(folder: Path, losses: list[str]) -> None:
    (path,) = (folder / "headtorch-runs").glob("*.htdb")
    append = ["run", "--append", str(path), str(RESUMES), "5"]
    writing = headtorch(folder, *append, "waits", "a.pt")
    assert writing.process.stdout
    while "waiting" not in writing.process.stdout.readline():
        pass
    assert headtorch(folder, "report", str(path)).end().status == 0  # a reader does not end the claim
    done = headtorch(folder, *append, "ends", "a.pt").end()
    assert (done.status, done.out) == (2, "")
    assert done.err == f"headtorch: cannot append to '{path}': it is still being recorded\n"
    writing.process.kill()
    writing.end()
    Writer(path, append=True).close()  # the claim has died with it


# ---- joining --------------------------------------------------------------------------------------------------------


def records(number: int, line: int, width: int, loss: str = "mse") -> tuple[Objective, Parameter, Optimizer, Module]:
    """A training of one layer, all of whose numbers are the same."""
    objective = Objective(number, 10 * number, None, parameters=(number,), losses=(Loss(loss, -1),), roots=(line,))
    parameter = Parameter(number, "weight", (width, 1), True, module=number, loaded=number > 0)
    optimizer, module = (
        Optimizer(number, "SGD", parameters=(number,)),
        Module(number, "", "Linear", parameters=(number,)),
    )
    return objective, parameter, optimizer, module


def test_only_the_same_networks_are_joined() -> None:
    all_records = [records(0, 1, 3), records(1, 2, 5), records(2, 1, 3, "l1"), records(3, 1, 3), records(4, 1, 5),
                   records(5, 1, 7), records(6, 1, 5)]  # fmt: skip
    kinds = [{each.id: each for each in kind} for kind in zip(*all_records, strict=True)]
    resumes = [Resume(30, 3, 0.0, 0.0, "killed"), Resume(60, 6, 0.0, 0.0, "killed")]
    joined = join(resumes, *kinds)  # type: ignore[arg-type]
    assert joined.parts == {2: (2,), 3: (0, 3), 5: (5,), 6: (1, 4, 6)}
    assert [(each.id, each.first_step) for each in joined.objectives] == [(3, 0), (6, 10), (2, 20), (5, 50)]
    assert joined.now == {0: 3, 3: 3, 1: 6, 4: 6, 6: 6, 2: 2, 5: 5}
    assert set(joined.parameters) == set(joined.optimizers) == set(joined.modules) == {2, 3, 5, 6}
    assert [joined.parameters[number].loaded for number in (2, 3, 5, 6)] == [True, False, True, True]

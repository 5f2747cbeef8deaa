"""The run file: what is written is read back bit for bit, survives a kill; anything else is refused in a sentence."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import SCRIPTS, Start

from headtorch.model import UserError, Where
from headtorch.record import begin
from headtorch.record.writer import Writer
from headtorch.store import records
from headtorch.store.run import Run, list_runs

HARD = [float("nan"), float("inf"), -float("inf"), -0.0, 1e-45, 3.4028234663852886e38, 1 / 3, -1e-40]


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A run file that was ended well, with something of every kind in it."""
    path = tmp_path / "good.htdb"
    writer = Writer(path)
    writer.fact("script", "train.py")
    writer.fact("started", 1.5)
    writer.source("/home/me/train.py", "x = 'é\U0001f526'\n")
    node = records.Node("Addmm", (16, 1), weight=0, where=Where("/home/me/train.py", 1, 2, 3, 1))
    loss = records.Loss("mse", 0, broadcast=((16, 1), (16, 16)))
    writer.record("objective", 0, records.Objective(0, 0, nodes=(node,), losses=(loss,), parameters=(0,)))
    writer.record("parameter", 0, records.Parameter(0, "weight", (16, 1), True))
    for step in range(300):
        writer.sample(0, "loss", step, [float(step)])
        writer.sample(0, "hard", step, HARD)
    writer.sample(-1, "eval_loss", 7, [0.5])
    writer.event(3, "mode", training=1)
    writer.event(5, "mode", training=0)
    writer.fact("script", "later.py")
    writer.close()
    return path


def bits(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def test_everything_comes_back_bit_for_bit(finished: Path) -> None:
    run = Run(finished)
    hard = run.series("hard")
    assert hard.steps.tolist() == list(range(300))
    assert hard.values.tobytes() == bits(HARD) * 300
    assert run.series("loss").column().tolist() == [float(step) for step in range(300)]
    assert run.series("eval_loss", -1).values.tolist() == [[0.5]]
    assert not run.series("never")
    assert run.facts == {"script": "later.py", "started": 1.5}
    assert run.sources == {"/home/me/train.py": "x = 'é\U0001f526'\n"}
    assert run.objectives[0].nodes[0].where == Where("/home/me/train.py", 1, 2, 3, 1)
    assert run.objectives[0].losses[0].broadcast == ((16, 1), (16, 16))
    assert [(event.step, event.value) for event in run.events("mode")] == [(3, {"training": 1}), (5, {"training": 0})]
    assert run.summary().ending == "running, or killed"


def test_a_clean_end_leaves_one_file(finished: Path) -> None:
    assert [path.name for path in finished.parent.iterdir()] == ["good.htdb"]
    Run(finished).summary()
    assert [path.name for path in finished.parent.iterdir()] == ["good.htdb"]


def test_a_quantity_that_changes_its_width(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.htdb")
    for step in range(4):
        writer.sample(0, "wide", step, [1.0] * (2 if step < 2 else 3))
    writer.close()
    series = Run(tmp_path / "x.htdb").series("wide")
    assert series.steps.tolist() == [2, 3]
    assert series.values.shape == (2, 3)


def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    """A script, its arguments and its folder may have any bytes in their names."""
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    Path(folder).mkdir()
    script = folder + "/train.py"
    Path(script).write_text("import sys; print(ascii(sys.argv[1]))")
    done = subprocess.run(
        [sys.executable, "-m", "headtorch", "run", "--runs", str(tmp_path / "runs"), script, os.fsdecode(b"\xff")],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "'\\udcff'\n"), done.stderr
    assert "Traceback" not in done.stderr
    (path,) = (tmp_path / "runs").iterdir()
    assert Run(path).facts["ending"] == "finished"


def test_what_cannot_be_stored_stops_the_recording_only(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.htdb")
    writer.sample(0, "loss", 0, [1.0])
    writer.sample(0, "loss", 1, ["no number"])  # type: ignore[list-item]
    writer.close()
    assert writer.trouble is not None
    assert "the training went on" in writer.trouble


@pytest.mark.survives("two runs begin at once in one folder, four here", "each has a file of its own")
def test_many_runs_that_begin_at_once(tmp_path: Path) -> None:
    """Each has a file of its own."""
    code = "import sys; from headtorch.record import begin; from pathlib import Path\n"
    code += "for _ in range(20):\n"
    code += "    recording = begin('t.py', [], as_module=False, folder=Path(sys.argv[1]) / 'runs')\n"
    code += "    recording.end('finished'); recording.detach()"
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE) for _ in range(4)]
    assert [each.communicate()[1] for each in started] == [b""] * 4
    assert len(list(list_runs(tmp_path / "runs"))) == 80


# ---- kills and readers ----------------------------------------------------------------------------------------------

SAFE = 2.5  # seconds; a commit comes after at most 0.55 on a machine that has time


def test_a_killed_recording_keeps_all_but_its_last_moment(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.htdb" for number in range(10)]
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPTS / "writes.py"), str(path), "0"], stdout=subprocess.PIPE, text=True
        )
        for path in paths
    ]
    chance = random.Random(0)
    first = [process.stdout.readline() for process in processes if process.stdout]
    time.sleep(SAFE + 0.5)
    for process, path in zip(processes, paths, strict=True):
        time.sleep(chance.uniform(0.0, 0.3))
        process.kill()
        moment = time.monotonic()
        assert process.stdout is not None
        printed = [line.split() for line in (first.pop(0) + process.stdout.read()).splitlines()[:-1]]
        process.wait()
        safe = sum(float(when) < moment - SAFE for _, when in printed)
        assert safe > 0
        run = Run(path)
        losses = run.series("loss")
        assert len(losses.steps) >= safe
        assert np.array_equal(losses.steps, np.arange(len(losses.steps)))
        assert np.array_equal(losses.column(), np.arange(len(losses.steps), dtype=np.float32) * 0.5)
        assert [event.step for event in run.events("mark")] == list(range(0, len(losses.steps), 100))
        assert run.summary().ending == "running, or killed"
        run.close()


def test_a_killed_training_keeps_its_losses(recorded: Start) -> None:
    started = [recorded(SCRIPTS / "trains.py", "1000000", "aloud") for _ in range(2)]
    for number, each in enumerate(started):
        assert each.process.stdout is not None
        first = [each.process.stdout.readline() for _ in range(200 + 300 * number)]
        time.sleep(SAFE)
        each.process.kill()
        printed = first + each.process.stdout.read().splitlines()
        each.process.wait()
        (path,) = each.runs.glob("*.htdb")
        losses = Run(path).series("loss").column(0)
        expected = np.array([float.fromhex(line.strip()) for line in printed[: len(losses)]], np.float32)
        assert len(losses) >= len(first)
        assert losses[: len(expected)].tobytes() == expected.tobytes()
        assert Run(path).objectives[0].losses[0].name == "cross_entropy"


@pytest.mark.survives("several read a run while it is recorded", "all see it grow, none disturbs it")
def test_three_readers_while_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "x.htdb"
    readers = [
        subprocess.Popen([sys.executable, str(SCRIPTS / "reads.py"), str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    subprocess.run(
        [sys.executable, str(SCRIPTS / "writes.py"), str(path), "1500"], stdout=subprocess.DEVNULL, check=True
    )
    for reader in readers:
        seen, looks = reader.communicate()[0].split()
        assert reader.returncode == 0
        assert int(seen) == 1500
        assert int(looks) > 1  # it has seen the file grow
    alone = tmp_path / "alone.htdb"  # a reader may have kept the log beside it, but nothing in it
    shutil.copy(path, alone)
    assert len(Run(alone).series("loss").steps) == 1500


@pytest.mark.survives("the process forks while it is recorded", "the child writes nothing into the file of its parent")
def test_a_forked_child_leaves_the_file_alone(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from headtorch.record import begin
recording = begin("t.py", [], as_module=False, folder=Path(sys.argv[1]))
writer = recording._writer
for step in range(200):
    writer.sample(0, "loss", step, [float(step)])
    if step == 100 and not os.fork():
        writer.sample(0, "loss", 12345, [0.0])
        recording.end("finished")
        sys.exit()
os.wait()
recording.end("finished")
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    (path,) = tmp_path.iterdir()
    assert Run(path).series("loss").steps.tolist() == list(range(200))


# ---- what is refused ------------------------------------------------------------------------------------------------


def read_all(path: Path) -> None:
    run = Run(path)
    try:
        run.summary()
        assert run.sources is not None
        assert run.parameters is not None
        assert run.optimizers is not None
        assert run.modules is not None
        run.series("hard")
        run.events("mode")
    finally:
        run.close()


def newer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")


def foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE fact (key, value)")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_tables(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE block")


def other_types(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE block SET width = 'wide', samples = 'text'")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no such file": (lambda path: path.unlink(), "there is no such file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "there is no such file"),
    "empty": (lambda path: path.write_bytes(b""), "the file is empty"),
    "text": (lambda path: path.write_text("lorem ipsum " * 500), "no run file of headtorch"),
    "short text": (lambda path: path.write_text("x"), "no run file of headtorch"),
    "another program's": (foreign, "a database of another program"),
    "newer": (newer, "a newer headtorch"),
    "cut": (cut, "damaged"),
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:100]), "no run file of headtorch"),
    "without a table": (without_tables, "damaged"),
    "other types": (other_types, "damaged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_sentence(case: str, finished: Path) -> None:
    spoil, reason = REFUSED[case]
    spoil(finished)
    with pytest.raises(UserError) as refusal:
        read_all(finished)
    sentence = str(refusal.value)
    assert reason in sentence
    assert str(finished) in sentence
    assert "\n" not in sentence


def test_refused_by_the_command_line(finished: Path) -> None:
    cut(finished)
    done = subprocess.run([sys.executable, "-m", "headtorch", "report", str(finished)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"headtorch: cannot read '{finished}'")
    assert done.stderr.count("\n") == 1


@pytest.mark.survives("bits of a run file flip", "it is read, or refused in one sentence")
def test_flipped_bits_never_raise_anything_else(finished: Path) -> None:
    from headtorch.diagnose import diagnose

    whole = finished.read_bytes()
    chance = random.Random(1)
    refused = 0
    for _ in range(250):
        spoilt = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        finished.write_bytes(spoilt)
        for look in (read_all, diagnose, lambda path: list_runs(path.parent)):
            try:
                look(finished)
            except UserError as error:
                refused += 1
                assert "\n" not in str(error)
    assert refused > 20


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "train.py").write_text("print('ran')")
    for folder in (str(tmp_path / "file" / "runs"), "/proc/runs", "/dev/null"):
        command = [sys.executable, "-m", "headtorch", "run", "--runs", folder, "train.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert done.stderr.startswith("headtorch: cannot record into ")
        assert done.stderr.count("\n") == 1


def test_a_copy_without_its_log_still_opens(tmp_path: Path) -> None:
    """A file that was killed, copied alone: what had reached the file itself is there."""
    path = tmp_path / "x.htdb"
    process = subprocess.Popen([sys.executable, str(SCRIPTS / "writes.py"), str(path), "0"], stdout=subprocess.DEVNULL)
    while not path.exists() or not Path(f"{path}-wal").exists():
        time.sleep(0.05)
    time.sleep(1)
    process.kill()
    process.wait()
    copy = tmp_path / "copy" / "x.htdb"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    try:
        assert Run(copy).series("loss") is not None
    except UserError as refusal:
        assert "\n" not in str(refusal)


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (350_000, 350_000))
sys.argv = sys.argv[1:]
runpy.run_module("headtorch", run_name="__main__", alter_sys=True)
"""


@pytest.mark.survives(
    "the disk is full in mid-training", "the recording stops, the training goes on to the same end; the file opens"
)
def test_a_full_disk_in_the_middle_of_a_training(tmp_path: Path, plain: Start) -> None:
    """The size of files is limited, which SQLite meets as it meets a full disk."""
    script = SCRIPTS / "trains.py"
    alone = plain(script, "4000")
    runs = tmp_path / "runs"
    command = [sys.executable, "-c", LIMITED, "headtorch", "run", "--runs", str(runs), str(script), "4000"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == alone.end().out
    assert "Traceback" not in done.stderr
    (path,) = runs.glob("*.htdb")
    losses = Run(path).series("loss")
    assert 0 < len(losses.steps) < 4000


@pytest.mark.survives("the disk is full in mid-training", "the report says so")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    script = str(SCRIPTS / "trains.py")
    command = [sys.executable, "-c", LIMITED, "headtorch", "run", "--runs", str(tmp_path / "runs"), script, "4000"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert "the training went on" in " ".join(done.stderr.split())


def test_begin_ends_without_torch(tmp_path: Path) -> None:
    recording = begin("t.py", ["a"], as_module=False, folder=tmp_path / "new" / "runs")
    path = recording.end("finished")
    assert Run(path).facts["ending"] == "finished"
    assert [each.name for each in path.parent.iterdir()] == [path.name]

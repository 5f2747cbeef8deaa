"""The same five faults under every common way to train: one name for each, and a line of the user's own files.

A comment `# here: RULE` in the scripts marks the lines that may be named.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from digits import FAULTS

from headtorch.diagnose import diagnose
from headtorch.store.run import Run

HERE = Path(__file__).parent
OTHERS = (
    "plain",
    "lightning",
    "hf_trainer",
    "accelerate",
    "skorch",
    "fastai",
    "keras",
    "ddp",
    "fsdp",
    "by_hand",
    "notebook",
)
WAYS = (
    "compile",
    "lbfgs",
    "scaler",
    "bfloat16",
    "accumulation",
    "iterable",
    "fused",
    "foreach",
    "checkpoint",
    "func",
    "two",
)
TRAININGS = [pytest.param(name, (), id=name) for name in OTHERS] + [
    pytest.param("pytorch", ("--with", way), id=way) for way in WAYS
]
SOUND = sorted((HERE / "sound").glob("*.py"))  # by writers who had not seen the rules
# Inside a compiled region nothing can be seen: the report has to say so.
HIDDEN = {("compile", "double-softmax"), ("compile", "graph-detached")}


def diagnosed(folder: Path, name: str, *arguments: str) -> dict[str, Any]:
    """The report on a script that runs under headtorch."""
    told = folder / "report.json"
    if name == "notebook":
        ran(folder, name, *arguments, "--watch")
        (run,) = folder.glob("*.htdb")
        subprocess.run([sys.executable, "-m", "headtorch", "report", "--report", told, run], check=True)
        return json.loads(told.read_text())
    ran(folder, name, *arguments, under=("-m", "headtorch", "run", "--runs", str(folder), "--report", str(told)))
    return json.loads(told.read_text())


def ran(folder: Path, name: str, *arguments: str, under: tuple[str, ...] = ()) -> list[str]:
    """The weights that a script ends with, of each of its processes."""
    processes = (
        ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
        if name in ("ddp", "fsdp", "fsdp_flat")
        else ()
    )
    ended = subprocess.run(
        [sys.executable, *processes, *under, HERE / f"train_{name}.py", *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HEADTORCH_RUNS": str(folder)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    return sorted(line for line in ended.stdout.splitlines() if line.startswith("weights "))


def named_rightly(report: dict[str, Any], fault: str) -> None:
    first = report["findings"][0]
    assert first["rule"] == fault
    where = first["where"]
    assert Path(where["file"]).parent == HERE or where["file"].startswith("cell ")
    run = Run(Path(report["run"]["file"]))
    line = run.sources[where["file"]].splitlines()[where["line"] - 1]
    run.close()
    assert fault in line.partition("# here: ")[2].split(", ")


def well(report: dict[str, Any]) -> None:
    assert report["verdict"] == "healthy"
    assert not [finding for finding in report["findings"] if finding["severity"] == "error"]


@pytest.mark.frameworks
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("name", "way"), TRAININGS)
def test_a_fault_has_its_name_and_line(
    name: str, way: tuple[str, ...], fault: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    case = (way or (name,))[-1], fault
    report = diagnosed(tmp_path, name, *way, "--fault", fault)
    if case in HIDDEN:
        assert any("could not be looked at" in notice for notice in report["notices"])
        assert not report["findings"]
        record_property("told", "hidden")
    else:
        named_rightly(report, fault)


@pytest.mark.frameworks
@pytest.mark.parametrize(("name", "way"), TRAININGS)
def test_a_healthy_training_is_told_as_healthy(name: str, way: tuple[str, ...], tmp_path: Path) -> None:
    well(diagnosed(tmp_path, name, *way))


@pytest.mark.frameworks
@pytest.mark.parametrize(("name", "way"), TRAININGS)
def test_the_weights_are_the_same(name: str, way: tuple[str, ...], tmp_path: Path) -> None:
    alone = ran(tmp_path, name, *way)
    if name == "notebook":
        way, under = ("--watch",), ()
    else:
        under = ("-m", "headtorch", "run", "--runs", str(tmp_path))
    assert alone and alone == ran(tmp_path, name, *way, under=under)


@pytest.mark.frameworks
@pytest.mark.parametrize("script", SOUND, ids=lambda script: script.stem)
def test_a_sound_program_is_left_in_peace(script: Path, tmp_path: Path) -> None:
    told = tmp_path / "report.json"
    watched = [sys.executable, "-m", "headtorch", "run", "--runs", tmp_path, "--report", told, script]
    ended = subprocess.run(watched, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(told.read_text())
    assert report["verdict"] != "faulty"
    assert not [finding for finding in report["findings"] if finding["severity"] != "note"]


@pytest.mark.frameworks
def test_one_flat_parameter_that_processes_share_out(tmp_path: Path) -> None:
    """The older FSDP: what can be seen is told, and that the rest cannot."""
    alone = ran(tmp_path, "fsdp_flat")
    assert len(alone) == 2
    assert alone == ran(tmp_path, "fsdp_flat", under=("-m", "headtorch", "run", "--runs", str(tmp_path)))
    (first, _) = sorted(tmp_path.glob("*.htdb"))
    told, _ = diagnose(first)
    assert told.verdict == "healthy"
    assert "the inside of FullyShardedDataParallel could not be looked at" in told.notices
    hidden = diagnosed(tmp_path, "fsdp_flat", "--fault", "graph-detached")
    assert not [finding for finding in hidden["findings"] if finding["severity"] == "error"]
    named_rightly(diagnosed(tmp_path, "fsdp_flat", "--fault", "double-softmax"), "double-softmax")


def test_parameters_that_processes_share_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What FSDP frees between passes is not read: that would end the training. One process does for that."""
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, HERE / "train_fsdp.py", "--fault", "graph-detached"]
    told = tmp_path / "report.json"
    watched = [sys.executable, "-m", "headtorch", "run", "--runs", tmp_path, "--report", told, *command[1:]]
    alone, beside = (
        subprocess.run(each, cwd=tmp_path, capture_output=True, text=True, timeout=600) for each in (command, watched)
    )
    assert (alone.returncode, beside.returncode) == (0, 0), alone.stderr + beside.stderr
    assert alone.stdout.startswith("weights ") and beside.stdout == alone.stdout
    named_rightly(json.loads(told.read_text()), "graph-detached")


def test_a_plain_loop(tmp_path: Path) -> None:
    """The cheap one, for every change."""
    named_rightly(diagnosed(tmp_path, "plain", "--fault", "graph-detached"), "graph-detached")

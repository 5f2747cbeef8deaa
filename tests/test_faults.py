"""What breaks around a training breaks neither the training nor its run file."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import LIMIT, SCRIPTS, Start

from headtorch.diagnose import diagnose
from headtorch.model import UserError
from headtorch.store.run import Run

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1  # of Linux: by the latter root writes where nobody may


@pytest.mark.survives(
    "`kill -9` at random moments, a hundred times",
    "the file opens; all that was committed, twice a second, is there bit for bit",
)
@pytest.mark.parametrize("times", [6, pytest.param(100, marks=pytest.mark.faults)])
def test_killed_at_any_moment(times: int, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPTS / "killed.py"), str(tmp_path), str(times)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    killed = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(killed) == times, done.stderr
    kept = []
    for folder, ended, committed in killed:
        assert ended == -signal.SIGKILL
        paths = list(Path(folder).glob("*.htdb"))
        try:
            found = [diagnose(path)[0].run for path in paths]
        except UserError as refusal:
            assert str(refusal).endswith("the file is empty")
            assert committed < 0
            continue
        for path, summary in zip(paths, found, strict=True):
            losses = Run(path).series("loss")
            assert summary.ending == "running, or killed"
            assert losses.steps.tolist() == list(range(len(losses.steps)))
            kept.append((committed, losses.column().tobytes()))
    assert sum(committed >= 0 for committed, _ in kept) >= times // 3, "too slow a machine to show anything"
    longest = max((losses for _, losses in kept), key=len)
    for committed, losses in kept:
        assert len(losses) // 4 > committed
        assert longest.startswith(losses)


@pytest.mark.survives(
    "SIGTERM from a scheduler, to the script and its data loader", "the report is made, and the script dies by SIGTERM"
)
def test_sigterm_from_a_scheduler(tmp_path: Path) -> None:
    """A scheduler sends it to all processes of a job, here to those of the data loader too."""
    (tmp_path / "train.py").write_text(
        "import torch\n"
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "model = torch.nn.Linear(4, 1)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.01)\n"
        "data = torch.randn(64, 4)\n"
        "for epoch in range(100000):\n"
        "    for x, y in DataLoader(TensorDataset(data, data[:, :1]), 16, num_workers=1, persistent_workers=True):\n"
        "        optimizer.zero_grad()\n"
        "        torch.nn.functional.mse_loss(model(x), y).backward()\n"
        "        optimizer.step()\n"
        "    print('epoch', flush=True)\n"
    )
    command = [sys.executable, "-m", "headtorch", "run", "--report", "a.json", "train.py"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        assert process.stdout and [process.stdout.readline() for _ in range(3)] == ["epoch\n"] * 3
        os.killpg(process.pid, signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert "Traceback" not in err
    assert json.loads((tmp_path / "a.json").read_text())["run"]["ending"].startswith("terminated")
    (path,) = (tmp_path / "headtorch-runs").iterdir()
    run = Run(path)
    assert run.facts["ending"] == "terminated"
    assert run.steps >= 12


def test_a_child_whose_death_raises_while_the_report_is_made(tmp_path: Path) -> None:
    """The data loader's handler of SIGCHLD raises where a worker was killed."""
    (tmp_path / "train.py").write_text(
        "import os, signal, time\n"
        "import torch\n"
        "def died(*_):\n"
        "    raise RuntimeError('a worker is killed')\n"
        "signal.signal(signal.SIGCHLD, died)\n"
        "model = torch.nn.Linear(4, 1)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.01)\n"
        "for step in range(20):\n"
        "    optimizer.zero_grad()\n"
        "    model(torch.randn(16, 4)).square().mean().backward()\n"
        "    optimizer.step()\n"
        "if os.fork() == 0:\n"
        "    os.kill(os.getppid(), signal.SIGTERM)\n"
        "    time.sleep(0.05)\n"
        "    os._exit(1)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "headtorch", "run", "--report", "a.json", "train.py"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (-signal.SIGTERM, "") and "Traceback" not in ended.stderr
    assert json.loads((tmp_path / "a.json").read_text())["run"]["steps"] == 20


def without_write_permission() -> None:
    """Make root heed permissions, as any other user must."""
    if os.geteuid() == 0 and ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "root cannot be made to heed permissions")


@pytest.mark.survives(
    "the folder of the run files is read-only",
    "one sentence before the script starts, which is not run; runs that lie there can be read",
)
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    """Nothing is recorded there, and the script does not run; a run that lies there is read as ever."""
    runs = tmp_path / "runs"
    (tmp_path / "train.py").write_text("print('ran')")

    def headtorch(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "headtorch", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, preexec_fn=without_write_permission
        )

    assert headtorch("run", "--runs", "runs", "train.py").stdout == "ran\n"
    (path,) = runs.iterdir()
    runs.chmod(0o555)
    try:
        refused = headtorch("run", "--runs", "runs", "train.py")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("headtorch: cannot record into ")
        assert refused.stderr.count("\n") == 1
        assert "Permission denied" in refused.stderr
        read = headtorch("report", str(path))
        assert (read.returncode, read.stderr) == (0, ""), read.stderr
        assert "no training was seen" in read.stdout
        assert [each.name for each in runs.iterdir()] == [path.name]
    finally:
        runs.chmod(0o755)


@pytest.mark.survives(
    "the disk is full before the start",
    "one sentence before the script starts, which is not run; no half of a file is left",
)
def test_a_disk_that_is_full_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print('ran')")
    code = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))\n"
        "sys.argv = ['headtorch', 'run', 'train.py']\n"
        "runpy.run_module('headtorch', run_name='__main__', alter_sys=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("headtorch: cannot record into ")
    assert done.stderr.count("\n") == 1
    assert list((tmp_path / "headtorch-runs").iterdir()) == []


@pytest.mark.survives("the clock goes back in mid-training", "all is recorded; durations are right")
def test_a_clock_that_goes_back(tmp_path: Path, recorded: Start) -> None:
    """An hour, in the middle of a training. The clock of a machine cannot be set here, but that of a process."""
    script = tmp_path / "train.py"
    script.write_text(
        "import datetime, time, torch\n"
        "real = time.time\n"
        "model = torch.nn.Linear(4, 1)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.01)\n"
        "x = torch.randn(64, 4)\n"
        "for step in range(400):\n"
        "    if step == 200:\n"
        "        time.time = lambda: real() - 3600\n"
        "    optimizer.zero_grad()\n"
        "    torch.nn.functional.mse_loss(model(x), x[:, :1]).backward()\n"
        "    optimizer.step()\n"
    )
    outcome = recorded(script).end()
    assert outcome.status == 0, outcome.err
    summary = outcome.run.summary()
    assert outcome.run.series("loss").steps.tolist() == list(range(400))
    assert summary.seconds is not None
    assert 0 < summary.seconds < LIMIT
    assert np.isfinite(outcome.run.series("loss").column()).all()

"""cli: what is parsed, what is refused, and whole runs from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headtorch.cli import Training, commands

TRAINS = """
import sys, torch
torch.manual_seed(0)
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=LR)
x = torch.randn(16, 2)
for step in range(30):
    loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONUNBUFFERED", "HEADTORCH_RUNS", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def headtorch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "headtorch", *arguments)


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


def parse(*arguments: str) -> Training:
    plan = commands.main(["run", *arguments], prog_name="headtorch", standalone_mode=False)
    assert isinstance(plan, Training)
    return plan


def test_what_stands_behind_the_script_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rest = ["-o", "x", "--report", "y.json", "--check", "--", "-m", "--help", "", "--runs=z"]
    assert parse("train.py", *rest) == Training("train.py", tuple(rest), False, (), tmp_path / "headtorch-runs", False)


def test_options_of_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = parse("--report", "a.json", "--check", "--report=/b.txt", "--runs", "sub/runs", "-m", "pkg.train", "-m", "x")
    reports = (tmp_path / "a.json", Path("/b.txt"))
    assert plan == Training("pkg.train", ("-m", "x"), True, reports, tmp_path / "sub" / "runs", True)
    monkeypatch.setenv("HEADTORCH_RUNS", "elsewhere")
    assert parse("train.py").runs == tmp_path / "elsewhere"
    assert parse("--runs", "there", "train.py").runs == tmp_path / "there"


def test_help_and_version_import_nothing_heavy(tmp_path: Path) -> None:
    for arguments in (["--help"], ["run", "--help"], ["report", "--help"], ["runs", "--help"], ["--version"]):
        done = python(tmp_path, "-X", "importtime", "-m", "headtorch", *arguments)
        assert done.returncode == 0
        imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert "click" in imported
        assert not imported & {"torch", "numpy", "headtorch.diagnose", "headtorch.render", "headtorch.record"}
    assert "Exit status" in headtorch(tmp_path, "run", "--help").stdout


def test_wrong_usage_is_refused_with_status_2(tmp_path: Path) -> None:
    for arguments in (["run"], ["nothing"], ["run", "--nothing", "x.py"], ["report", "a", "b"]):
        done = headtorch(tmp_path, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("Usage: headtorch") and "Traceback" not in done.stderr


def test_what_cannot_be_run_is_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "ok.py").write_text("print('ran')\n")
    (tmp_path / "file").touch()
    refusals = {
        ("run", "x.py"): "cannot run 'x.py': there is no such file",
        ("run", "."): "cannot run '.': it is a directory",
        ("run", "--report", "a.doc", "ok.py"): f"cannot write a report to '{tmp_path}/a.doc': its name must end in",
        ("run", "--runs", "file", "ok.py"): f"cannot record into '{tmp_path}/file'",
        ("report", "x.htdb"): "cannot read 'x.htdb': there is no such file",
        ("report", "--report", "a.doc"): "cannot write a report to 'a.doc': its name must end in",
        ("report",): "no runs in 'headtorch-runs': `headtorch run SCRIPT` records one",
    }
    for arguments, sentence in refusals.items():
        done = headtorch(tmp_path, *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert done.stderr.startswith(f"headtorch: {sentence}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "ok.py"]


def test_a_script_keeps_its_output_and_status(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import sys\nprint(__file__, sys.argv, sys.path)\nprint('said', file=sys.stderr)\nsys.exit(int(sys.argv[1]))\n"
    )
    for status in ("0", "7"):
        alone = python(tmp_path, "script.py", status, "--check", "-h")
        ours = headtorch(tmp_path, "run", "script.py", status, "--check", "-h")
        assert (ours.returncode, ours.stdout) == (alone.returncode, alone.stdout)
        assert ours.stderr.startswith(alone.stderr + "headtorch: no training was seen in script.py")


def test_a_module_is_run(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "train.py").write_text("import sys\nfrom . import other\nprint(sys.argv, __package__)\n1 / 0\n")
    (tmp_path / "pkg" / "other.py").touch()
    for module in ("pkg.train", "pkg.nothing"):
        alone = python(tmp_path, "-m", module, "--check")
        ours = headtorch(tmp_path, "run", "-m", module, "--check")
        assert (ours.returncode, ours.stdout) == (alone.returncode, alone.stdout)
        assert ours.stderr.startswith(alone.stderr)


def test_a_script_that_changes_folder_and_closes_everything(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import os, sys, warnings\n"
        "os.chdir('/')\nos.environ.clear()\nsys.path.clear()\nwarnings.simplefilter('error')\n"
        "sys.stdout.close()\nsys.stderr.close()\nsys.exit(4)\n"
    )
    done = headtorch(tmp_path, "run", "--report", "a.json", "--report", "no/b.json", "--report", "c.txt", "script.py")
    assert done.returncode == 4
    assert "headtorch: no training was seen" in done.stderr
    assert f"headtorch: cannot write '{tmp_path}/no/b.json'" in done.stderr
    assert json.loads((tmp_path / "a.json").read_text())["verdict"] == "unknown"
    assert (tmp_path / "c.txt").exists()
    assert len(list((tmp_path / "headtorch-runs").glob("*.htdb"))) == 1


@pytest.mark.survives("the script deletes its own run file", "one line, and the exit status of the script")
def test_a_failure_of_ours_is_one_line_and_leaves_the_status(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import glob, os, sys\nfor path in glob.glob('headtorch-runs/*'): os.remove(path)\nprint('out')\nsys.exit(5)\n"
    )
    done = headtorch(tmp_path, "run", "script.py")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (5, "out\n", 1), done.stderr
    assert done.stderr.startswith("headtorch: ")


@pytest.mark.parametrize(("number", "ending"), [(signal.SIGINT, "interrupt"), (signal.SIGTERM, "terminated")])
def test_a_signal_ends_with_a_report_and_then_kills(number: int, ending: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import threading, time\nthreading.Timer(0.2, print, ['ready'], {'flush': True}).start()\ntime.sleep(60)\n"
    )
    command = [sys.executable, "-m", "headtorch", "run", "--report", "a.json", "script.py"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == -number
    assert "headtorch: no training was seen" in err
    assert ending in json.loads((tmp_path / "a.json").read_text())["run"]["ending"]
    assert ("KeyboardInterrupt" in err) == (number == signal.SIGINT)


def test_a_forked_child_makes_no_report(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import os\nif os.fork():\n    os.wait()\nprint('here', flush=True)\n")
    done = headtorch(tmp_path, "run", "script.py")
    assert (done.stdout, done.stderr.count("headtorch:")) == ("here\nhere\n", 1)


def test_check_report_and_runs(tmp_path: Path) -> None:
    (tmp_path / "sick.py").write_text(TRAINS.replace("LR", "1e6"))
    (tmp_path / "well.py").write_text(TRAINS.replace("LR", "0.1"))
    sick = headtorch(tmp_path, "run", "--check", "sick.py", "--flag")
    assert (sick.returncode, sick.stdout) == (1, ""), sick.stderr
    assert "error[" in sick.stderr
    (file,) = (tmp_path / "headtorch-runs").glob("*.htdb")
    os.utime(file, (0, 0))
    well = headtorch(tmp_path, "run", "--check", "well.py")
    assert (well.returncode, well.stdout) == (0, ""), well.stderr

    again = python(
        tmp_path, "-X", "importtime", "-m", "headtorch", "report", "--check", "--report", "a.json", str(file)
    )
    assert (again.returncode, again.stdout) == (1, sick.stderr)
    assert json.loads((tmp_path / "a.json").read_text())["verdict"] == "faulty"
    assert "torch" not in {line.rpartition("|")[2].strip() for line in again.stderr.splitlines()}
    newest = headtorch(tmp_path, "report", "--check")
    assert (newest.returncode, newest.stdout) == (0, well.stderr)

    (file.parent / "broken.htdb").write_text("nonsense")
    listed = headtorch(tmp_path, "runs").stdout.splitlines()
    assert listed[0].split() == ["file", "steps", "loss", "ending", "script"]
    assert [line.split()[-1].rpartition("/")[2] for line in listed[1:3]] == ["well.py", "sick.py"]
    assert listed[2].startswith(file.name)
    assert listed[3].startswith("headtorch: cannot read 'headtorch-runs/broken.htdb'")
    assert headtorch(tmp_path, "runs", "--runs", "nowhere").stdout == "no runs in 'nowhere'\n"
    narrow = subprocess.run(
        [sys.executable, "-m", "headtorch", "runs"],
        cwd=tmp_path, env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True,
    )  # fmt: skip
    assert max(map(len, narrow.stdout.splitlines()[:3])) <= 80

    readable = headtorch(tmp_path, "report")
    assert (readable.returncode, readable.stdout) == (0, well.stderr)
    assert "broken.htdb" in readable.stderr and "taking the run before it" in readable.stderr


def test_explain_shows_a_page_and_runs_its_demo(tmp_path: Path) -> None:
    page = headtorch(tmp_path, "explain", "broadcast-loss").stdout
    assert page.startswith("broadcast-loss (") and "headtorch explain broadcast-loss --demo" in page
    refused = headtorch(tmp_path, "explain", "brodcast-loss")
    assert refused.returncode == 2 and "did you mean broadcast-loss" in refused.stderr
    done = headtorch(tmp_path, "explain", "broadcast-loss", "--demo")
    assert done.returncode == 0 and "R2" in done.stdout
    assert "error[broadcast-loss]" in done.stderr and "broadcast_loss.py:19" in done.stderr
    assert "# expect" not in done.stderr and "# cure" not in done.stderr
    assert list(tmp_path.iterdir()) == []  # the user's runs are his

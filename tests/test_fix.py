"""fix: changes are tried on real scripts, and only what a re-run verifies is written."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headtorch.model import Evidence, Finding, Tried, UserError
from headtorch.store.run import Run
from headtorch.store.tried import keep
from headtorch.trials import command
from headtorch.trials.orders import Measure, Ran
from headtorch.trials.verdict import compare

HEAD = """\
# Two classes on a plane.
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(256, 2)
y = (x[:, 0] * x[:, 1] > 0).long()
x_test = torch.randn(256, 2)
y_test = (x_test[:, 0] * x_test[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)  # the rate
"""
LOOP = """\
for step in range(150):
    batch = torch.randint(0, 256, (64,))
    loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    accuracy = (model(x_test).argmax(1) == y_test).float().mean()
print("accuracy 0.999")  # what is printed counts for nothing
"""


def script(folder: Path, rate: str = "100.0", after: str = "") -> Path:
    """A training with this learning rate."""
    path = folder / "train.py"
    path.write_text(HEAD.replace("LR", rate) + after + LOOP)
    return path


def fix(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headtorch", "fix", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_a_verified_change_is_shown_and_written_where_asked(tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    writes = f"open('model.txt', 'w').write('x')\ntry: open({str(secret / 'a.txt')!r}, 'w')\nexcept OSError: pass\n"
    work = tmp_path / "work"
    work.mkdir()
    path = script(work, after=writes)
    before = path.read_bytes()
    done = fix(work, "--output", "patched.py", "--report", "out.json", "train.py")
    assert done.returncode == 0, done.stderr
    assert "VERIFIED" in done.stdout
    assert path.read_bytes() == before
    # The run file keeps what was tried: a later report says so too.
    again = [sys.executable, "-m", "headtorch", "report", "--report", "again.html"]
    told = subprocess.run(again, cwd=work, capture_output=True, text=True)
    assert "VERIFIED" in told.stdout and "VERIFIED" in (work / "again.html").read_text()
    (work / "again.html").unlink()
    assert sorted(p.name for p in work.iterdir()) == ["headtorch-runs", "out.json", "patched.py", "train.py"]
    assert not list(secret.iterdir())

    first = json.loads((work / "out.json").read_text())["findings"][0]
    tried = first["tried"]
    assert (first["rule"], tried["verdict"]) == ("lr-too-high", "VERIFIED")
    assert first["where"]["file"] == str(path)
    assert tried["measure"] == "held-out balanced accuracy"
    assert max(tried["before"]) < 0.75 < 0.9 < min(tried["after"])
    assert len(tried["before"]) == len(tried["after"]) == 2
    patched = (work / "patched.py").read_text().splitlines()
    differing = [(old, new) for old, new in zip(before.decode().splitlines(), patched, strict=True) if old != new]
    ((old, new),) = differing
    assert new == old.replace("lr=100.0", new.split("lr=")[1].split(",")[0].join(["lr=", ""])) and "# the rate" in new


def test_apply_writes_the_script_of_a_run(tmp_path: Path) -> None:
    path = script(tmp_path)
    subprocess.run(
        [sys.executable, "-m", "headtorch", "run", "train.py"], cwd=tmp_path, capture_output=True, check=True
    )
    done = fix(tmp_path, "--apply", "--seeds", "1")
    assert done.returncode == 0, done.stderr
    assert "lr=100.0" not in path.read_text() and "no version control has the version before" in done.stderr
    assert done.stdout.count("VERIFIED") == 1
    (run, *_) = sorted((tmp_path / "headtorch-runs").glob("*.htdb"))
    changed = fix(tmp_path, str(run))
    assert (changed.returncode, changed.stdout) == (2, "")
    assert "has changed since" in changed.stderr


@pytest.mark.parametrize("given", [["--rate", "100"], ["--rate=1e2"]])
def test_a_number_of_the_command_line_is_changed_there(tmp_path: Path, given: list[str]) -> None:
    options = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--title", default="a 'quoted' one")
parser.add_argument("-r", "--rate", type=float, default=0.1)
args = parser.parse_args()
"""
    path = tmp_path / "train.py"
    path.write_text(options + HEAD.replace("LR", "args.rate") + LOOP)
    before = path.read_bytes()
    done = fix(tmp_path, "--seeds", "1", "--apply", "--report", "out.json", "train.py", "--title", "it's", *given)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == before
    first = json.loads((tmp_path / "out.json").read_text())["findings"][0]
    assert (first["rule"], first["where"]["line"], first["tried"]["verdict"]) == ("lr-too-high", 4, "VERIFIED")
    assert "run with 100" in first["label"]
    assert first["tried"]["change"].endswith("on the command line")
    again = [line for line in done.stderr.splitlines() if "run it with: train.py" in line]
    assert again and "--title" in again[0] and "--rate" in again[0] and "100" not in again[0]


def test_a_module_is_fixed_in_its_package(tmp_path: Path) -> None:
    package = tmp_path / "learn"
    package.mkdir()
    (package / "__init__.py").write_text("MOMENTUM = 0.9\n")
    path = package / "__main__.py"
    text = "from . import MOMENTUM\n" + HEAD.replace("LR", "100.0").replace("=0.9", "=MOMENTUM") + LOOP
    path.write_text(text)
    done = fix(tmp_path, "--apply", "-m", "learn")
    assert done.returncode == 0, done.stderr
    assert "VERIFIED" in done.stdout
    assert "lr=100.0" not in path.read_text() and "momentum=MOMENTUM" in path.read_text()
    refused = fix(tmp_path, "-m", "learn.nothing")
    assert refused.returncode == 2 and "no module 'learn.nothing'" in refused.stderr


def test_a_healthy_script_is_left_alone(tmp_path: Path) -> None:
    script(tmp_path, rate="0.1")
    done = fix(tmp_path, "--output", "patched.py", "train.py")
    assert done.returncode == 0
    assert "nothing to fix" in done.stderr and "healthy" in done.stdout
    assert not (tmp_path / "patched.py").exists()


def test_a_change_whose_run_fails_is_not_offered(tmp_path: Path) -> None:
    refuses = "if optimizer.param_groups[0]['lr'] < 50: raise ValueError('too slow for me')\n"
    script(tmp_path, after=refuses)
    done = fix(tmp_path, "--output", "patched.py", "train.py")
    assert done.returncode == 1
    assert "ValueError: too slow for me" in " ".join(done.stdout.split()) and "NO GAIN" in done.stdout
    assert not (tmp_path / "patched.py").exists()


def test_an_interruption_prints_what_is_known_and_writes_nothing(tmp_path: Path) -> None:
    path = script(tmp_path, after="import os, time\nif optimizer.param_groups[0]['lr'] < 50: time.sleep(600)\n")
    before = path.read_bytes()
    process = subprocess.Popen(
        [sys.executable, "-m", "headtorch", "fix", "--output", "patched.py", "train.py"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "trying to" in line:
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=300)
    assert "lr-too-high" in out and "stopped" in err and "Traceback" not in err
    assert path.read_bytes() == before and not (tmp_path / "patched.py").exists()


@pytest.mark.parametrize(
    "arguments", [("nowhere.py",), ("--budget", "soon", "train.py"), ("--report", "x.pdf", "train.py")]
)
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    script(tmp_path)
    done = fix(tmp_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_budgets() -> None:
    assert [command.seconds(text) for text in ("60s", "10m", "1.5h", "7")] == [60, 600, 5400, 7]
    with pytest.raises(UserError):
        command.seconds("0s")


def ran(*values: float | None, kind: str = "R²", phase: str = "held-out", floor: float = 0.0, failed: str = "") -> Ran:
    measures = tuple(
        Measure(phase, kind, number, value, floor, 1000)  # type: ignore[arg-type]
        for number, value in enumerate(values)
    )
    return Ran(None, 100, 1.0, measures, failed, "")


@pytest.mark.parametrize(
    ("before", "after", "clear"),
    [
        (0.5, 0.6, True),
        (0.5, 0.52, False),  # less than a tenth of what is missing
        (None, 0.005, False),  # cured of NaN, but no better than the mean
        (-1e9, -0.5, False),
        (-1e9, 0.3, True),
        (0.98, 0.985, False),
        (0.9, 0.95, True),
    ],
)
def test_a_gain_is_clear_or_none(before: float | None, after: float, clear: bool) -> None:
    pair = compare(ran(before), ran(after))
    assert pair is not None and pair.clear is clear


def test_a_run_that_fails_or_shows_no_such_measure_is_no_gain() -> None:
    assert compare(ran(0.1), ran(0.9, failed="ValueError")) is None
    assert compare(ran(0.1, kind="R²"), ran(0.9, kind="balanced accuracy")) is None
    pair = compare(ran(), ran(0.9))
    assert pair is not None and math.isnan(pair.before) and pair.clear


def test_held_out_measures_come_before_those_of_training() -> None:
    def both(held_out: float, training: float) -> Ran:
        one, other = ran(held_out), ran(training, phase="training")
        return one._replace(measures=(*one.measures, *other.measures))

    pair = compare(both(0.5, 0.1), both(0.4, 0.9))
    assert pair is not None and pair.measure == "held-out R²" and not pair.clear


def test_a_baseline_that_no_change_moves_is_not_what_is_compared() -> None:
    pair = compare(ran(0.5, 0.7), ran(0.9, 0.7))
    assert pair is not None
    assert (pair.before, pair.after, pair.clear) == (0.5, 0.9, True)
    same = compare(ran(0.5, 0.7), ran(0.5, 0.7))
    assert same is not None and not same.clear


def recorded(folder: Path, loss: str) -> Ran:
    """A run of a regression with this loss, of which a trial sees no measure."""
    folder.mkdir()
    (folder / "train.py").write_text(
        "import torch\ntorch.manual_seed(0)\nx = torch.randn(64, 4)\ny = x.sum(dim=1, keepdim=True)\n"
        "model = torch.nn.Linear(4, 1)\noptimizer = torch.optim.Adam(model.parameters(), lr=1e-4)\n"
        f"for _ in range(30):\n    loss = {loss}\n"
        "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n"
    )
    command = [sys.executable, "-m", "headtorch", "run", "train.py"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    (run_file,) = (folder / "headtorch-runs").glob("*.htdb")
    return Ran(run_file, 30, 1.0, (), "", "")


def test_what_was_tried_is_kept_though_it_holds_numbers_of_numpy(tmp_path: Path) -> None:
    run_file = recorded(tmp_path / "script", "torch.dist(model(x), y)").run_file
    assert run_file is not None
    seen = Evidence("loss", np.float64(0.5), curve=(np.float64(1.0), np.float64(math.nan)))
    keep(run_file, [Finding("overfitting", "warning", "it is", saw=(seen,), tried=Tried("NOT TRIED", why="a test"))])
    (found,) = Run(run_file).tried
    assert found.saw[0].value == 0.5 and found.saw[0].curve is not None and math.isnan(found.saw[0].curve[1])


def test_a_change_that_makes_another_loss_is_not_judged_by_it(tmp_path: Path) -> None:
    distance, smaller = (recorded(tmp_path / f"by{k}", f"torch.dist(model(x), y / {k})") for k in (1, 8))
    fooled = compare(distance, smaller)
    assert fooled is not None and fooled.measure == "training loss" and fooled.clear  # by a small target
    assert compare(distance, smaller, alters_loss=True) is None
    measured = Measure("training", "R²", 0, 0.5, 0.0, 1000), Measure("training", "R²", 0, 0.4, 0.0, 1000)
    before, after = (run._replace(measures=(one,)) for run, one in zip((distance, smaller), measured, strict=True))
    pair = compare(before, after, alters_loss=True)
    assert pair is not None and pair.measure == "training R²" and not pair.clear


def test_a_loss_that_is_seen_to_be_another_one_is_not_compared(tmp_path: Path) -> None:
    whole, scaled = (recorded(tmp_path / f"by{k}", f"torch.nn.functional.mse_loss(model(x), y) / {k}") for k in (1, 8))
    assert compare(whole, scaled) is None
    same = compare(whole, whole)
    assert same is not None and same.measure == "training loss" and not same.clear

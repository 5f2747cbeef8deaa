"""tune: a search over the numbers of real scripts, kept in an Optuna study."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

SCRIPT = """\
# Two classes on a plane.
import argparse
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.05)  # the rate
args = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(256, 2)
y = (x[:, 0] * x[:, 1] > 0).long()
x_test = torch.randn(256, 2)
y_test = (x_test[:, 0] * x_test[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
for step in range(100):
    batch = torch.randint(0, 256, (64,))
    loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    accuracy = (model(x_test).argmax(1) == y_test).float().mean()
"""
NO_KNOB = """\
import torch
w = torch.zeros(3, requires_grad=True)
for _ in range(30):
    ((w - 1) ** 2).sum().backward()
    with torch.no_grad():
        w.sub_(w.grad)
    w.grad = None
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "headtorch", "tune", *arguments]


def tune(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )


def studied(file: Path) -> optuna.Study:
    """The only study in a file."""
    return optuna.load_study(study_name=None, storage=f"sqlite:///{file}")


def patched(folder: Path) -> str:
    return (folder / "patched.py").read_text()


def script(folder: Path, text: str = SCRIPT) -> Path:
    path = folder / "train.py"
    path.write_text(text)
    return path


@pytest.mark.search
def test_a_rate_of_the_command_line_is_tuned_there(tmp_path: Path) -> None:
    path = script(tmp_path)
    done = tune(tmp_path, "--budget", "1600 steps", "--seeds", "2", "--apply", "train.py", "--lr", "100")
    assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_text() == SCRIPT
    assert "VERIFIED" in done.stdout
    assert re.search(r"learning rate \(command line\): 100 → ", done.stdout)
    assert re.search(r"run it with: train\.py --lr [\d.]+$", done.stderr, re.MULTILINE)

    study = studied(tmp_path / "headtorch-runs" / "train.py.study.db")
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert study.best_value > 0.9 and study.best_trial.user_attrs["values"]["learning rate"] < 10
    spent = int(re.search(r"in ([\d,]+) steps", " ".join(done.stdout.split()))[1].replace(",", ""))  # type: ignore[index]
    assert spent <= 1600
    hopeless = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.PRUNED]
    assert all(trial.user_attrs["stopped"] in ("nan", "diverged", "dead", "flat") for trial in hopeless)


@pytest.mark.search
def test_a_killed_search_goes_on(tmp_path: Path) -> None:
    script(tmp_path, SCRIPT.replace("default=0.05", "default=100.0"))
    arguments = ("--budget", "1600 steps", "--seeds", "2", "train.py")
    process = subprocess.Popen(
        command(*arguments),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        seen += line
        if "trial 2:" in line:
            process.send_signal(signal.SIGKILL)
            break
    process.wait(timeout=300)
    file = tmp_path / "headtorch-runs" / "train.py.study.db"
    before = studied(file).get_trials()
    told = [trial for trial in before if trial.state.is_finished()]
    assert len(told) == 2, seen

    done = tune(tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "going on with a study of" in done.stderr
    after = studied(file).get_trials()
    assert [(t.state, t.values, t.params) for t in after[:2]] == [(t.state, t.values, t.params) for t in told]
    assert not [trial for trial in after if trial.state == optuna.trial.TrialState.RUNNING]
    cut = [trial for trial in before if trial.state == optuna.trial.TrialState.RUNNING and trial.params]
    tried_again = [trial.params for trial in after[len(before) :]]
    assert all(trial.params in tried_again for trial in cut)
    assert len(after) > len(before)


@pytest.mark.search
def test_what_is_good_already_is_left_alone(tmp_path: Path) -> None:
    path = script(tmp_path)
    done = tune(tmp_path, "--budget", "1000 steps", "--seeds", "2", "--apply", "train.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NO GAIN" in done.stdout and path.read_text() == SCRIPT


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        pytest.param(NO_KNOB, ("train.py",), "no learning rate, batch size", marks=pytest.mark.search),
        (SCRIPT, ("--budget", "some steps", "train.py"), "steps such as '2000 steps'"),
        (SCRIPT, ("nowhere.py",), "nowhere.py"),
        ("raise ValueError('no data')\n", ("train.py",), "ValueError: no data"),
    ],
)
def test_what_cannot_be_tuned_is_one_sentence(
    tmp_path: Path, text: str, arguments: tuple[str, ...], words: str
) -> None:
    script(tmp_path, text)
    done = tune(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


def test_without_optuna_the_extra_is_named(tmp_path: Path) -> None:
    script(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "optuna.py").write_text("raise ImportError('not here')\n")
    path = os.pathsep.join(filter(None, [str(tmp_path / "broken"), os.environ.get("PYTHONPATH", "")]))
    done = tune(tmp_path, "train.py", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "headtorch: tune needs Optuna: pip install 'headtorch[search]'\n"

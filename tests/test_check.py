"""headtorch check: a script examined in a few hundred steps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TABLE = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(512, 8)
y = (x[:, :3].sum(1, keepdim=True)).tanh()
model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(20):
    for rows in torch.randperm(512).split(32):
        optimizer.zero_grad()
        loss = LOSS
        loss.backward()
        optimizer.step()
open("model.txt", "w").write("trained")
"""


def check(script: Path, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headtorch", "check", str(script), *arguments],
        capture_output=True,
        text=True,
        cwd=folder or script.parent,
        env=dict(os.environ, COLUMNS="88", OMP_NUM_THREADS="1"),
        check=False,
    )


def verdicts(output: str) -> dict[str, str]:
    """What stands before each exam's title."""
    lines = [line for line in output.splitlines() if ": " in line and not line.startswith(("      ", "headtorch"))]
    return {line[6:].partition(":")[0]: line[:5].strip() for line in lines}


def test_a_sound_script_passes_and_its_folder_is_left_alone(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TABLE.replace("LOSS", "((model(x[rows]) - y[rows]) ** 2).mean()"))

    done = check(script)

    assert done.returncode == 0, done.stderr
    found = verdicts(done.stdout)
    assert found["memorises 3 examples"] == found["the labels matter"] == found["learning rate"] == "ok"
    assert found["loss at the start"] == found["faults that a few steps show"] == "ok"
    assert "a step" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.py"]


def test_a_rate_outside_of_the_range_fails():
    done = check(ROOT / "examples" / "iris.py", "--lr", "2", folder=ROOT)

    assert done.returncode == 1
    assert verdicts(done.stdout)["learning rate"] == "FAILS"
    assert "yours, 2, is above" in " ".join(done.stdout.split())


def test_what_cannot_learn_is_told(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TABLE.replace("LOSS", "nn.functional.mse_loss(model(x[rows]) * 1e-4, y[rows])"))

    done = check(script)

    assert done.returncode == 1, done.stderr
    assert verdicts(done.stdout)["memorises 3 examples"] == "FAILS"


def test_under_a_certain_fault_nothing_else_is_judged(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TABLE.replace("LOSS", "-nn.functional.mse_loss(model(x[rows]), y[rows])"))

    done = check(script)

    assert done.returncode == 1, done.stderr
    found = verdicts(done.stdout)
    assert found["faults that a few steps show"] == "FAILS"
    assert found["memorises 3 examples"] == found["learning rate"] == "open"
    assert "waits until the fault above is mended" in done.stdout


def test_labels_of_others_do_not_matter(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TABLE.replace("LOSS", "nn.functional.mse_loss(model(x[rows]), y[rows.roll(7)])"))

    assert verdicts(check(script).stdout)["the labels matter"] == "open"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print('nothing')", "no training was seen in"),
        ("raise ValueError('bad data')", "ends with ValueError: bad data"),
    ],
)
def test_what_cannot_be_examined_is_refused_in_a_sentence(tmp_path, text, said):
    script = tmp_path / "train.py"
    script.write_text(text)

    done = check(script)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_there_must_be_a_script(tmp_path):
    done = check(tmp_path / "missing.py")

    assert done.returncode == 2
    assert "missing.py" in done.stderr

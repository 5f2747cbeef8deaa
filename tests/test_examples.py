"""examples: the iris network is told right at three learning rates, whatever the seed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

IRIS = Path(__file__).parent.parent / "examples" / "iris.py"
SEEDS = (0, 1, 2)
READ_AGAIN = """
import sys
sys.modules |= dict.fromkeys(["torch", "sklearn", "scipy", "pandas"])  # an import of these fails now
sys.argv = ["headtorch", "report", *sys.argv[1:]]
from headtorch.cli import main
main()
"""


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # With its own environment: readline, which pytest imports, sets COLUMNS behind the back of os.environ.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "88"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, env=environment)


def iris(folder: Path, rate: str, seed: int) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """What a run of the example prints, and its report."""
    name = f"{rate}-{seed}"
    arguments = ["--report", f"{name}.json", "--runs", name, str(IRIS), "--lr", rate, "--seed", str(seed)]
    done = python(folder, "-m", "headtorch", "run", *arguments)
    return done, json.loads((folder / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("rate", "verdict", "first", "learns"),
    [("2", "faulty", "lr-too-high", False), ("1e-5", "faulty", "lr-too-low", False), ("0.05", "healthy", None, True)],
)
def test_iris(rate: str, verdict: str, first: str | None, learns: bool, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda seed: iris(tmp_path, rate, seed), SEEDS))
    for done, report in runs:
        assert done.returncode == 0, done.stderr
        assert float(done.stdout.split()[-1]) >= 0.93 or not learns
        assert report["verdict"] == verdict, done.stderr
        assert next((finding["rule"] for finding in report["findings"]), None) == first
        if first is not None:
            source = IRIS.read_text().splitlines()
            assert '"--lr"' in source[report["findings"][0]["where"]["line"] - 1]
    if rate == "1e-5":
        losses = [float(loss) for loss in re.findall(r"training loss ([\d.]+)", runs[0][0].stdout)]
        assert losses == sorted(losses, reverse=True) and 0 < losses[0] - losses[-1] < 0.05


def test_a_run_is_read_again_without_torch(tmp_path: Path) -> None:
    run, _ = iris(tmp_path, "2", 0)
    (file,) = (tmp_path / "2-0").glob("*.htdb")
    again = python(tmp_path, "-c", READ_AGAIN, str(file))
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout and run.stderr.endswith(again.stdout)

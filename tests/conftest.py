"""What tests of recording share: real scripts, run plainly and under headtorch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from headtorch.store.run import Run

pytest.register_assert_rewrite("pages")  # what a page has logged stands in the failure

SCRIPTS = Path(__file__).parent / "scripts"
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")  # a change must not fail for what another one has brought
LIMIT = 600  # seconds until a hanging script is given up


@dataclass
class Outcome:
    """How a script ended."""

    status: int
    out: str
    err: str
    runs: Path

    @property
    def run(self) -> Run:
        """The only run that it recorded."""
        (path,) = self.runs.glob("*.htdb")
        return Run(path)


class Started:
    """A script that runs, plainly or recorded into `runs`."""

    def __init__(self, command: list[str], folder: Path, runs: Path, environment: dict[str, str]) -> None:
        self.runs = runs
        self.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> Outcome:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=LIMIT)
        return Outcome(self.process.returncode, out, err, self.runs)


Start = Callable[..., Started]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts a script with Python alone."""

    def start(script: Path, *arguments: str, **environment: str) -> Started:
        folder = tmp_path_factory.mktemp("plain")
        return Started([str(script), *arguments], folder, folder / "runs", environment)

    return start


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts a script under `headtorch run`."""

    def start(script: Path, *arguments: str, level: str = "default", **environment: str) -> Started:
        folder = tmp_path_factory.mktemp("recorded")
        runs = folder / "runs"
        command = ["-m", "headtorch", "run", "--runs", str(runs), "--level", level, str(script), *arguments]
        return Started(command, folder, runs, environment)

    return start


@pytest.fixture(scope="module", autouse=True)
def few_threads() -> Iterator[None]:
    """One thread for each script: tests run several at a time on few cores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.delenv("HEADTORCH_RUNS", raising=False)
        yield

"""Processes of trials: forked from a warm one where that is safe, else started afresh."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import msgspec

from headtorch.model import UserError
from headtorch.trials.orders import Errand

WARM = ("numpy", "pandas", "scipy", "sklearn", "torch")  # what has no effects but to be there
SETS_ENVIRONMENT = re.compile(r"\benviron\s*\[|\bputenv\b|\benviron\.(setdefault|update)\b")


def warm_imports(script: Path) -> list[str]:
    """The modules that a script imports and that may be imported before it runs.

    Empty for one that sets environment variables, which must come before the import of what reads them.
    """
    try:
        text = script.read_text(encoding="utf-8", errors="replace")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return []
    if SETS_ENVIRONMENT.search(text):
        return []
    names = ["torch"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return list(dict.fromkeys(name for name in names if name.partition(".")[0] in WARM))


class Process(Protocol):
    """A running trial: its number, which is its group's too."""

    @property
    def number(self) -> int:
        """The number of the process."""

    def wait(self, patience: float | None) -> int:
        """Its exit status; it is killed after so many seconds."""


class Starter:
    """Starts one process after another."""

    def __init__(self, folder: Path, modules: list[str]) -> None:
        self._folder = folder
        self._modules = modules
        self._warm: subprocess.Popen[bytes] | None = None

    def start(self, errand: Errand) -> Process:
        """Start the process of an errand."""
        if self._modules and self._warm is None:
            self._warm = self._warmed()
        if self._warm is not None and self._warm.poll() is None:
            return _Forked(self._warm, errand)
        return _Fresh(errand)

    def _warmed(self) -> subprocess.Popen[bytes] | None:
        process = subprocess.Popen(
            [sys.executable, "-m", "headtorch.trials.warm", *self._modules],
            cwd=self._folder,
            env=dict(os.environ, PYTHONPATH=_own_path(), PYTHONHASHSEED=os.environ.get("PYTHONHASHSEED", "0")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # nothing is read ahead of the line that is waited for
            start_new_session=True,
        )
        assert process.stdout is not None
        if process.stdout.readline().strip() == b"ready":
            return process
        self._modules = []
        _end(process)
        return None

    def close(self) -> None:
        """End the warm process."""
        if self._warm is not None:
            _end(self._warm)
            self._warm = None


class _Forked:
    """A process that a warm one has forked."""

    def __init__(self, warm: subprocess.Popen[bytes], errand: Errand) -> None:
        assert warm.stdin is not None and warm.stdout is not None
        self._warm, self._answers = warm, warm.stdout
        warm.stdin.write(msgspec.json.encode(errand) + b"\n")
        self.number = int(self._answers.readline() or 0)
        if not self.number:
            raise UserError("the process that starts trials has died; is there enough memory?")

    def wait(self, patience: float | None) -> int:
        ready, _, _ = select.select([self._answers], [], [], patience)
        if not ready:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.number, signal.SIGKILL)
        return int(self._answers.readline() or -signal.SIGKILL)


class _Fresh:
    """A process of its own interpreter."""

    def __init__(self, errand: Errand) -> None:
        seed = os.environ.get("PYTHONHASHSEED", "0")
        with Path(errand.log).open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "headtorch.trials.child", errand.order],
                cwd=errand.folder,
                env={**os.environ, "PYTHONHASHSEED": seed, **errand.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # with its own children it is killed as one group
            )
        self.number = self._process.pid

    def wait(self, patience: float | None) -> int:
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.number, signal.SIGKILL)
            self._process.wait()


def _own_path() -> str:
    """PYTHONPATH with the folder that this headtorch is in."""
    return os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", ""), str(Path(__file__).parents[2])]))


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

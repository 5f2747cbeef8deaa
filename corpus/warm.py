"""A process that has imported what most scripts import, and becomes the command `headtorch` again and again by forking.

The imports are most of the time of a short run. What a run does is what the command does, in a process of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

IMPORTED = ("torch", "torch._dynamo", "sklearn.datasets", "sklearn.model_selection", "sklearn.preprocessing", "pandas")


class Warm:
    """Runs `headtorch` with the imports behind it, in an environment of its own where one is given."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def headtorch(self, folder: Path, *arguments: str, limit: int = 0) -> subprocess.CompletedProcess[str]:
        """The end of the command with these arguments, started in a folder; its status is -SIGALRM after `limit`
        seconds, if any."""
        assert self._process.stdin and self._process.stdout
        out, log = folder / "stdout.log", folder / "stderr.log"
        order = {"folder": str(folder), "arguments": arguments, "out": str(out), "log": str(log), "limit": limit}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        said, told = out.read_text(errors="replace"), log.read_text(errors="replace")
        return subprocess.CompletedProcess(arguments, status, said, told)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def become(order: dict[str, Any]) -> None:
    """Be the command from here on."""
    signal.alarm(order["limit"])
    out, log = (os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for name in ("out", "log"))
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), out, log)):
        os.dup2(file, number)
    os.closerange(3, 256)
    sys.stdin, sys.stdout, sys.stderr = open(0, closefd=False), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    os.chdir(order["folder"])
    sys.path[0] = order["folder"]
    sys.argv = ["headtorch", *order["arguments"]]
    sys.orig_argv = [sys.executable, "-m", *sys.argv]
    from headtorch.cli import main

    main()


def serve() -> None:
    """Take orders, one a line, and answer each with its status."""
    for name in IMPORTED:
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        process = os.fork()
        if not process:
            become(json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), file=answers)


if __name__ == "__main__":
    serve()

"""Look: runs the rules over run files in a process of its own, so that no page waits for them.

The process is asked on stdin and answers on stdout. It ends when stdin does,
which is also when the server is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from headtorch.model import Report, UserError
from headtorch.web.messages import receive, send

NICE = 10  # a training and the pages come first
GONE = "the rules could not be run: their process ended"


class Wanted(msgspec.Struct, frozen=True):
    """A run file that is to be diagnosed, by some rules."""

    file: bytes
    rules: tuple[str, ...]


class Looked(msgspec.Struct, frozen=True):
    """What was found; `trouble` says why there is no report."""

    report: Report | None = None
    sources: dict[str, str] = {}
    trouble: str = ""


class Looker:
    """The process, which is started at once and again where it has died. For one thread at a time."""

    def __init__(self, rules: Sequence[str]) -> None:
        self._rules = tuple(rules)
        self._lock = threading.Lock()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "headtorch.web.look"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def look(self, path: Path) -> Looked:
        """The diagnosis of a run file."""
        with self._lock:
            if self._process.poll() is not None:
                self._process = self._start()
            assert self._process.stdin is not None and self._process.stdout is not None
            try:
                send(self._process.stdin, Wanted(os.fsencode(path), self._rules))
                looked = receive(self._process.stdout, Looked)
            except OSError:
                looked = None
        if looked is None:
            return Looked(trouble=GONE)
        if looked.report is None:
            return looked
        # A path may be no Unicode, so it did not travel.
        run = msgspec.structs.replace(looked.report.run, file=str(path))
        return msgspec.structs.replace(looked, report=msgspec.structs.replace(looked.report, run=run))

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def answer() -> None:
    """Answer until there is no more question."""
    from headtorch.diagnose import diagnose
    from headtorch.rules import chosen

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the server, which then ends this
    if hasattr(os, "nice"):
        os.nice(NICE)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a rule might print is no answer
    while (wanted := receive(sys.stdin.buffer, Wanted)) is not None:
        try:
            report, sources = diagnose(Path(os.fsdecode(wanted.file)), chosen(wanted.rules, ()))
            run = msgspec.structs.replace(report.run, file="")
            looked = Looked(msgspec.structs.replace(report, run=run), sources)
        except UserError as error:
            looked = Looked(trouble=str(error).encode("utf-8", "backslashreplace").decode())
        try:
            send(out, looked)
        except BrokenPipeError:  # the server has gone
            return


if __name__ == "__main__":
    answer()

"""Watched: a run file that pages look at, finished or growing, with its diagnosis and what was read of it so far.

The file of a running training is closed after each look: the last one to close it must be its writer, which then leaves
one whole file.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import NamedTuple

from headtorch.model import Report, UserError
from headtorch.signals import Signals
from headtorch.store.run import Run
from headtorch.web.look import Looker

REST = 20.0  # times as long as a diagnosis took, before the next one of a growing run
SHORTEST_REST = 1.0  # seconds
MOST_ANSWERS = 32

Stamp = tuple[tuple[int, int], ...]


class Diagnosis(NamedTuple):
    """What the rules found in a run file as it was at `stamp`; `trouble` says why there is no report."""

    stamp: Stamp
    report: Report | None
    sources: Mapping[str, str]
    trouble: str = ""


class Watched:
    """One run file. May be used from several threads."""

    def __init__(self, key: str, path: Path, looker: Looker, executor: Executor) -> None:
        self.key = key
        self.path = path
        self.diagnosis: Diagnosis | None = None
        self._looker = looker
        self._executor = executor
        self._lock = threading.Lock()
        self._signals: Signals | None = None
        self._read_at: Stamp = ()
        self._closed = True
        self._looking: Future[None] | None = None
        self._rest_until = 0.0
        self._process: tuple[Stamp, int | None] = ((), None)
        self._answers: tuple[Stamp, dict[object, str]] = ((), {})

    def stamp(self) -> Stamp:
        """What changes whenever the file does."""
        found = []
        for name in (self.path, self.path.with_name(self.path.name + "-wal")):
            with contextlib.suppress(OSError):
                status = name.stat()
                found.append((status.st_mtime_ns, status.st_size))
        return tuple(found)

    def size(self) -> int:
        """The bytes of the file."""
        return sum(size for _, size in self.stamp())

    @contextlib.contextmanager
    def signals(self) -> Iterator[Signals]:
        """What the file says now. Raises UserError when it cannot be read."""
        with self._lock:
            stamp = self.stamp()
            if self._signals is None or self._closed or stamp != self._read_at:
                known = self._signals.run if self._signals is not None else None
                if known is not None:
                    known.close()
                self._signals, self._read_at, self._closed = Signals(Run(self.path, known)), stamp, False
            try:
                yield self._signals
            finally:
                if running(self._signals.run):
                    self._signals.run.close()
                    self._closed = True

    def once(self, question: object, answer: Callable[[Signals], str]) -> str:
        """An answer that is made once for all who ask while the file and its diagnosis stay as they are."""
        stamp = (*self.stamp(), (id(self.diagnosis), 0))
        if self._answers[0] != stamp:
            self._answers = stamp, {}
        answers = self._answers[1]
        if question not in answers:
            with self.signals() as signals:
                found = answer(signals)
            if len(answers) >= MOST_ANSWERS:
                answers.clear()
            answers[question] = found
        return answers[question]

    def forget(self) -> None:
        """Let go of what was read."""
        with self._lock:
            if self._signals is not None:
                self._signals.run.close()
                self._signals = None

    def is_running(self) -> bool:
        """Whether the file is still recorded into. Cheap where it has not changed."""
        stamp = self.stamp()
        if stamp != self._process[0]:
            number = None
            with contextlib.suppress(UserError):
                run = Run(self.path)
                try:
                    number = recorder(run)
                finally:
                    run.close()
            self._process = stamp, number
        return self._process[1] is not None and is_alive(self._process[1])

    def look(self) -> Future[None]:
        """Have the rules run over the file as it is now; one look at a time."""
        if self._looking is None or self._looking.done():
            self._looking = self._executor.submit(self._look)
        return self._looking

    def is_due(self) -> bool:
        """Whether the file has grown since the last diagnosis, and that has rested."""
        stale = self.diagnosis is None or self.diagnosis.stamp != self.stamp()
        return stale and time.monotonic() >= self._rest_until and (self._looking is None or self._looking.done())

    def diagnosed(self, patience: float) -> Diagnosis | None:
        """The newest diagnosis; one that has never been made is waited for, but not for long."""
        if self.diagnosis is None:
            with contextlib.suppress(NotYet):
                self.look().result(timeout=patience)
        return self.diagnosis

    def _look(self) -> None:
        stamp, start = self.stamp(), time.monotonic()
        looked = self._looker.look(self.path)
        self.diagnosis = Diagnosis(stamp, looked.report, looked.sources, looked.trouble)
        self._rest_until = time.monotonic() + max(SHORTEST_REST, REST * (time.monotonic() - start))


def recorder(run: Run) -> int | None:
    """The number of the process that records a run, None where it has said that it ended."""
    process = run.facts.get("process")
    return process if isinstance(process, int) and process > 0 and not run.facts.get("ended") else None


def running(run: Run) -> bool:
    """Whether the process that records a run is still there."""
    process = recorder(run)
    return process is not None and is_alive(process)


def is_alive(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True

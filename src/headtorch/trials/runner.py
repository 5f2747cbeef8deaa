"""Runner: runs trials in processes of this machine and reads what they bring back."""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import signal
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from headtorch.model import COMMAND_LINE
from headtorch.trials.orders import Answer, Errand, Order, Ran, Subject, Trial
from headtorch.trials.processes import Starter, warm_imports
from headtorch.trials.workplace import Copy, Workplace

STARTUP = 120.0  # seconds beyond its own limit after which a process is killed


class Runner:
    """Runs a script in scratch copies; may be called from several threads."""

    def __init__(
        self,
        subject: Subject,
        place: Workplace,
        runs: Path,
        jobs: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._subject = subject
        self._place = place
        self._runs = runs
        self._environment = environment
        self._processes: set[int] = set()
        self._starters: queue.SimpleQueue[Starter] = queue.SimpleQueue()
        # A warm process has the variables of this one.
        modules = warm_imports(place.script) if environment is None else []
        for _ in range(jobs):
            self._starters.put(Starter(place.scratch, modules))
        self._lock = threading.Lock()
        self._count = 0
        self._closed = False

    def run(self, trial: Trial) -> Ran:
        """Run the script in a copy of its folders."""
        started = time.monotonic()
        line = trial.sources.get(COMMAND_LINE)
        sources = {file: text for file, text in trial.sources.items() if file != COMMAND_LINE}
        with self._lock:
            self._count += 1
            number = self._count
            copy = self._place.copy(sources)
        answer, order_file, log = (self._place.scratch / f"{number}.{kind}" for kind in ("answer", "order", "log"))
        subject, limit = self._subject, trial.limit
        order = Order(
            script=subject.script if subject.as_module else str(copy.path(self._place.script)),
            arguments=subject.arguments if line is None else tuple(shlex.split(line)),
            as_module=subject.as_module,
            runs=str(self._runs if trial.keep else self._place.scratch / "runs" / str(number)),
            answer=str(answer),
            scratch=str(self._place.scratch),
            limit=limit,
            seed=trial.seed,
            intervention=trial.intervention,
            recorded=trial.recorded,
        )
        order_file.write_bytes(msgspec.json.encode(order))
        status = self._wait(order_file, log, copy, None if limit.seconds is None else limit.seconds + STARTUP)
        seconds = time.monotonic() - started
        try:
            done = msgspec.json.decode(answer.read_bytes(), type=Answer)
        except (OSError, msgspec.MsgspecError):
            copy.remove()
            return Ran(None, 0, seconds, (), f"died with status {status}: {_last_line(log)}", "")
        run_file = Path(done.run_file) if done.run_file else None
        if run_file is not None:
            _as_if_at_home(run_file, copy)
        copy.remove()
        failed = "" if done.status == 0 or done.ending == "exit" else done.detail or done.ending
        return Ran(
            run_file,
            done.steps,
            seconds,
            done.measures,
            failed,
            done.stopped,
            done.pace,
            done.intervened,
            done.losses,
        )

    def _wait(self, order: Path, log: Path, copy: Copy, patience: float | None) -> int:
        environment = {**(self._environment or {}), "PYTHONPATH": self._python_path(copy)}
        errand = Errand(str(order), str(copy.path(self._place.folder)), str(log), environment)
        start = self._starters.get()
        try:
            process = start.start(errand)
            with self._lock:
                self._processes.add(process.number)
                if self._closed:
                    _kill(process.number)
            try:
                return process.wait(patience)
            finally:
                _kill(process.number)
                with self._lock:
                    self._processes.discard(process.number)
        finally:
            self._starters.put(start)

    def _python_path(self, copy: Copy) -> str:
        """PYTHONPATH with the copied folders for the user's, and the folder that this headtorch is in."""
        paths = []
        whole_path = (self._environment or os.environ).get("PYTHONPATH", "")
        for entry in filter(None, whole_path.split(os.pathsep)):
            whole = (self._subject.folder / entry).resolve()
            paths.append(str(copy.path(whole)) if self._place.holds(str(whole)) else str(whole))
        own = str(Path(__file__).parents[2])
        return os.pathsep.join([*paths, own] if own not in paths else paths)

    def close(self) -> None:
        """Kill what still runs."""
        with self._lock:
            self._closed = True
            for process in self._processes:
                _kill(process)
        while not self._starters.empty():
            self._starters.get().close()


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)


def _as_if_at_home(run_file: Path, copy: Copy) -> None:
    """Let a run file of a copy tell the user's own places."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(run_file)) as db, db:
        for root, there in copy.roots.items():
            for table, column in (("record", "value"), ("event", "value"), ("fact", "value"), ("source", "file")):
                db.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(there), str(root)))


def _last_line(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "it printed nothing"
    return "it printed nothing"

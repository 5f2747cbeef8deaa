"""The run files of one job of several processes: each rank writes its own, and a reader finds the others beside it."""

from __future__ import annotations

import time
from pathlib import Path

from headtorch.model import UserError
from headtorch.store.run import Run

PATIENCE = 10.0  # seconds without anything new from a rank, after which it is not waited for
LOOK_EVERY = 0.1  # seconds
GRACE = 1.0  # seconds in which a rank that has written nothing may still begin, and one that has ended close its file


def other_ranks(run: Run) -> dict[int, Path]:
    """The run files of the other ranks of a run's job, by rank, as far as they lie in its folder.

    A later job may have the same name and port. So only files count that were written to while this run went on, and
    of several for one rank the one that began at the time nearest to it.
    """
    facts = run.facts
    rank, job, began = facts.get("rank"), facts.get("job"), facts.get("started", 0.0)
    if job is None:
        return {}
    ended = facts.get("ended", time.time())
    nearest: dict[int, tuple[float, Path]] = {}
    for path in run.path.parent.glob("*-rank*.htdb"):
        try:
            theirs = _facts(path)
        except UserError:
            continue
        number, start = theirs.get("rank"), theirs.get("started", 0.0)
        until = theirs.get("ended") or _written(path)
        if theirs.get("job") != job or not isinstance(number, int) or number == rank or until < began or start > ended:
            continue
        nearest[number] = min(nearest.get(number, (float("inf"), path)), (abs(start - began), path))
    return {number: path for number, (_, path) in sorted(nearest.items())}


def await_ranks(path: Path, patience: float = PATIENCE) -> None:
    """Wait until the other ranks of a run's job have ended, or nothing new has come from them for `patience` seconds.

    Not for ranks without a file in this folder: they may write elsewhere, or have never begun.
    """
    run = Run(path)
    try:
        others = run.facts.get("ranks", 1) - 1
        began = last = time.monotonic()
        files: set[Path] = set()
        ended: dict[Path, float] = {}  # and when this was seen
        news: dict[Path, float] = {}
        while True:
            if len(files) < others:
                files = set(other_ranks(run).values())
            now = time.monotonic()
            ended |= {file: now for file in files - ended.keys() if "ended" in _facts(file)}
            grace = min(GRACE, patience)
            closed = all(now - ended[file] > grace or not _log(file).exists() for file in ended)
            if files == ended.keys() and closed and (len(files) == others or now - began > grace):
                return
            written = {file: _written(file) for file in files - ended.keys()}
            if written != news:
                news, last = written, now
            if now - last > patience:
                return
            time.sleep(LOOK_EVERY)
    finally:
        run.close()


def _facts(path: Path) -> dict[str, object]:
    run = Run(path)
    try:
        return run.facts
    finally:
        run.close()


def _written(path: Path) -> float:
    """When something was last written of a run, also into the log beside its file."""
    times = [0.0]
    for file in (path, _log(path)):
        try:
            times.append(file.stat().st_mtime)
        except OSError:
            continue
    return max(times)


def _log(path: Path) -> Path:
    """The write-ahead log beside a run file that is being written, or was not closed."""
    return path.with_name(path.name + "-wal")

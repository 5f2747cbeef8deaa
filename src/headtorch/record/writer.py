"""Writer: takes what is recorded from the training's thread and brings it to disk from its own.

The training's thread only appends to a queue, which takes no lock: a signal handler may run at any point of it. A
thread looks at the queue twenty times a second and commits what is there every half second, or as soon as 64 steps have
gathered or something urgent (a NaN, an end) has come. When the disk refuses, recording stops with a note and the
training goes on.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
import time
from array import array
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from headtorch.record.thinning import pack_blocks
from headtorch.store import db

COMMIT_EVERY = 0.5  # seconds
COMMIT_STEPS = 64
LOOK_EVERY = 0.05  # seconds
READERS_LEAVE = 0.5  # seconds in which who reads the facts of a run has closed it again
PACK_EVERY = 1000  # commits, or
PACK_BYTES = 16_000_000  # of samples, whichever comes first
_SWAP = sys.byteorder == "big"


def _bytes(kind: str, values: Sequence[float]) -> bytes:
    packed = array(kind, values)
    if _SWAP:
        packed.byteswap()
    return packed.tobytes()


class Writer:
    """Writes one run file, a new one or, with `append`, one that is there.

    The constructor raises FileExistsError when a new one is there already, and UserError when it cannot be written, or
    another process writes it.
    """

    def __init__(self, path: Path, append: bool = False) -> None:
        self.path = path
        self.trouble: str | None = None
        self._db, self._claim = db.reopen(path) if append else db.create(path)
        self._process = os.getpid()
        self._closing = False
        self._queue: deque[tuple[object, ...]] = deque()
        self._steps = 0
        self._commits = self._unpacked = 0
        self._thread = threading.Thread(target=self._run, name="headtorch-writer", daemon=True)
        self._thread.start()

    def fact(self, key: str, value: object) -> None:
        """Record something that is true of the whole run; a later value replaces an earlier one."""
        self._statement("INSERT OR REPLACE INTO fact VALUES (?, ?)", key, _json(value))

    def forget(self, key: str) -> None:
        """Take back what was recorded as true of the whole run."""
        self._statement("DELETE FROM fact WHERE key = ?", key)

    def source(self, file: str, text: str) -> None:
        """Record the text of one of the user's files."""
        self._statement("INSERT OR REPLACE INTO source VALUES (?, ?)", _unicode(file), _unicode(text))

    def record(self, kind: str, number: int, value: msgspec.Struct) -> None:
        """Record a struct of store/records.py; a later one of the same number replaces an earlier one."""
        self._statement("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", kind, number, _json(value))

    def event(self, step: int, kind: str, **details: object) -> None:
        """Record something that happens once or seldom."""
        self._statement("INSERT INTO event (step, kind, value) VALUES (?, ?, ?)", step, kind, _json(details))

    def sample(self, owner: int, quantity: str, step: int, values: Sequence[float]) -> None:
        """Record the values of a quantity at a step."""
        if self.trouble is None:
            self._queue.append((owner, quantity, step, values))

    def step_done(self, urgent: bool = False) -> None:
        """Say that a step is complete; what is urgent is committed at once."""
        self._steps += COMMIT_STEPS if urgent else 1

    def close(self) -> None:
        """Write what is left and leave one portable file. Does nothing in a forked child."""
        if os.getpid() != self._process or self._closing:
            return
        self._closing = True
        self._thread.join()
        # All is committed by now, so that nothing is lost where one of these fails: on a full disk, or because someone
        # has the file open. Then the log stays beside it, emptied into the file.
        for statement in ("ROLLBACK", "PRAGMA wal_checkpoint(TRUNCATE)"):
            if statement != "ROLLBACK" or self._db.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute(statement)
        self._without_log()
        self._db.close()
        db.release(self._claim)

    def _without_log(self) -> None:
        """Take away the log beside the file. One who only looks in (rank 0, for the end of a job) is waited for."""
        patience = time.monotonic() + READERS_LEAVE
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = DELETE")
            except sqlite3.Error as error:
                if "locked" in str(error) and time.monotonic() < patience:
                    time.sleep(READERS_LEAVE / 20)
                    continue
            return

    def _statement(self, text: str, *values: object) -> None:
        if self.trouble is None:
            self._queue.append((text, values))

    def _run(self) -> None:
        last = time.monotonic()
        while not self._closing:
            time.sleep(LOOK_EVERY)
            if self._steps >= COMMIT_STEPS or time.monotonic() - last >= COMMIT_EVERY:
                self._steps = 0
                last = time.monotonic()
                self._commit()
        self._commit()

    def _commit(self) -> None:
        rows: dict[tuple[int, str, int], tuple[list[int], list[float]]] = {}
        statements: list[tuple[str, tuple[object, ...]]] = []
        for _ in range(len(self._queue)):
            entry = self._queue.popleft()
            if len(entry) == 2:
                statements.append(entry)  # type: ignore[arg-type]
            else:
                owner, quantity, step, values = entry
                steps, samples = rows.setdefault((owner, quantity, len(values)), ([], []))  # type: ignore[arg-type]
                steps.append(step)  # type: ignore[arg-type]
                samples.extend(values)  # type: ignore[arg-type]
        if not statements and not rows:
            return
        try:
            self._db.execute("BEGIN")
            for text, bound in statements:
                self._db.execute(text, bound)
            for (number, name, width), (at, samples) in rows.items():
                self._db.execute(
                    "INSERT INTO block (owner, quantity, width, steps, samples) VALUES (?, ?, ?, ?, ?)",
                    (number, name, width, _bytes("q", at), _bytes("f", samples)),
                )
                self._unpacked += 4 * len(samples)
            self._db.execute("COMMIT")
            self._commits += 1
            if self._commits >= PACK_EVERY or self._unpacked >= PACK_BYTES:
                self._commits = self._unpacked = 0
                pack_blocks(self._db)
        except Exception as error:
            self._stop(error)

    def _stop(self, error: Exception) -> None:
        at = time.strftime("%H:%M:%S")
        self.trouble = self.trouble or f"recording into '{self.path}' stopped at {at}: {error}; the training went on"
        self._queue.clear()


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_unicode(msgspec.to_builtins(value))).decode()


def _unicode(value: Any) -> Any:
    """A value with "?" in its texts for what is no Unicode: the name of a file may be any bytes."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_unicode(key): _unicode(each) for key, each in value.items()}
    return [_unicode(each) for each in value] if isinstance(value, (list, tuple)) else value

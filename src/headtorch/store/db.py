"""Opening run files: a new one to write, an existing one to read, and a clear refusal of anything else."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from importlib import resources
from pathlib import Path

from headtorch.model import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

APPLICATION_ID = int.from_bytes(b"htdb", "big")
SCHEMA_VERSION = 2  # 1 has no table `packed`
MAGIC = b"SQLite format 3\0"


def create(path: Path) -> tuple[sqlite3.Connection, int]:
    """A new, empty run file at `path`, open for writing in WAL mode, and the claim on it.

    Raises FileExistsError when there is a file already, and UserError when the folder cannot be made or written.
    """
    made = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
        made = True
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(  # at once: a kill in between leaves a file without anything, and not half of one
            f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; {_schema()}; "
            "COMMIT"
        )
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, FileExistsError) and path.is_file():
            raise
        if made:
            path.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"cannot record into '{path.parent}': {reason}; name another folder with --runs or HEADTORCH_RUNS"
        ) from error
    return db, claim(path)


def reopen(path: Path) -> tuple[sqlite3.Connection, int]:
    """The run file at `path`, open to append to, and the claim on it.

    Raises UserError when it cannot be read, or not be written, or another process records it.
    """
    open_to_read(path).close()
    claimed = claim(path)
    try:
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        schema = _schema().replace(" TABLE ", " TABLE IF NOT EXISTS ").replace(" INDEX ", " INDEX IF NOT EXISTS ")
        db.executescript(f"BEGIN; PRAGMA user_version = {SCHEMA_VERSION}; {schema}; COMMIT")
    except sqlite3.Error as error:
        release(claimed)
        raise UserError(f"cannot append to '{path}': {error}") from error
    return db, claimed


def claim(path: Path) -> int:
    """Mark a run file as being recorded by this process, and its children, until the descriptor is unlocked.

    Raises UserError where another one records it. Release it after closing the database: that takes SQLite's own locks
    away.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError as error:
        raise UserError(f"cannot append to '{path}': {error.strerror}") from error
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise UserError(f"cannot append to '{path}': it is still being recorded") from error
        except OSError:  # a file system without locks
            pass
    return descriptor


def release(descriptor: int) -> None:
    """End a claim. Children that live on hold the descriptor too, so it is unlocked and not only closed."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _schema() -> str:
    return resources.files("headtorch.store").joinpath("schema.sql").read_text(encoding="utf-8")


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that reads the run file at `path`, also while it is written.

    Raises UserError when there is no such file, or it is empty, damaged, newer than this headtorch, or no run file.
    """
    if not path.is_file():
        raise UserError(f"cannot read '{path}': there is no such file")
    if path.stat().st_size == 0:
        raise UserError(f"cannot read '{path}': the file is empty")
    # The plain URI first: readers of a growing file must see its write-ahead log. A folder that cannot be written
    # leaves only `immutable`, which reads what was checkpointed.
    uri = path.resolve().as_uri()
    for query in ("?mode=ro", "?mode=ro&immutable=1"):
        try:
            db = sqlite3.connect(uri + query, uri=True, check_same_thread=False)
            application = db.execute("PRAGMA application_id").fetchone()[0]
            version = db.execute("PRAGMA user_version").fetchone()[0]
            tables = application or db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        except sqlite3.OperationalError:
            continue
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read '{path}': it is no run file of headtorch, or a damaged one") from error
        if application == 0:
            _check_magic(path)
        if not tables:
            raise UserError(f"cannot read '{path}': the file is empty")
        if application != APPLICATION_ID:
            raise UserError(f"cannot read '{path}': it is a database of another program")
        if version > SCHEMA_VERSION:
            raise UserError(
                f"cannot read '{path}': it was recorded by a newer headtorch (format {version}, this one reads "
                f"{SCHEMA_VERSION}); update headtorch to read it"
            )
        return db
    raise UserError(f"cannot read '{path}': the file cannot be opened")


def _check_magic(path: Path) -> None:
    """Raise UserError where a file is no database at all.

    Not for one of ours: where this process writes it, closing it here would take SQLite's own locks away.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise UserError(f"cannot read '{path}': {error.strerror}") from error
    if magic != MAGIC:
        raise UserError(f"cannot read '{path}': it is no run file of headtorch, or a damaged one")

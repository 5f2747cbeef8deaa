"""Thinning: keeps the file of a long training small, without losing what a diagnosis rests on.

Now and then the blocks of each series are packed into one row of the table `packed`. Every loss is kept. When all else
has outgrown `BUDGET`, the largest series lose every second row of their older part, again and again the older they get.
What stays of them for good: the first hundred rows, and for each column its least and its greatest value, where it
first went beyond the middle of its range, and where it first was no number.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from headtorch.store.packing import pack, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUDGET = 64_000_000  # bytes of all packed series but the losses
KEPT_FIRST = 100  # rows: the steps that are all looked at
KEPT_LAST = 0.25  # of the rows
WHOLE = "loss"
CHUNK = 4_000_000  # bytes of a series that are packed at once


def pack_blocks(db: sqlite3.Connection) -> None:
    """Pack all blocks, and thin what has become too much. Each series is a transaction of its own."""
    series = db.execute("SELECT quantity, owner, width FROM block GROUP BY 1, 2, 3 HAVING COUNT(*) > 1").fetchall()
    for key in series:
        _pack(db, *key)
    sizes = db.execute(
        "SELECT SUM(LENGTH(steps) + LENGTH(samples)), quantity, owner, width FROM packed WHERE quantity <> ? "
        "GROUP BY 2, 3, 4 ORDER BY 1 DESC",
        (WHOLE,),
    ).fetchall()
    left = sum(size for size, *_ in sizes)
    for size, *key in sizes:
        if left <= BUDGET:
            break
        left -= size - _thin(db, *key)


def _pack(db: sqlite3.Connection, quantity: str, owner: int, width: int) -> None:
    import numpy as np

    key = (quantity, owner, width)
    db.execute("BEGIN")
    blocks = db.execute(
        "SELECT steps, samples FROM block WHERE quantity = ? AND owner = ? AND width = ? ORDER BY id", key
    ).fetchall()
    steps = np.frombuffer(b"".join(block[0] for block in blocks), "<i8")
    values = np.frombuffer(b"".join(block[1] for block in blocks), "<f4").reshape(len(steps), width)
    db.execute("DELETE FROM block WHERE quantity = ? AND owner = ? AND width = ?", key)
    _write(db, key, steps, values)
    db.execute("COMMIT")


def _write(
    db: sqlite3.Connection, key: tuple[str, int, int], steps: NDArray[np.int64], values: NDArray[np.float32]
) -> int:
    """Write packed rows, and count up the fact by which readers know it. Returns their bytes."""
    rows = max(CHUNK // (4 * key[2]), 1)
    size = 0
    for start in range(0, len(steps), rows):
        some = slice(start, start + rows)
        packed = pack(steps[some, None]), pack(values[some])
        size += len(packed[0]) + len(packed[1])
        db.execute(
            "INSERT INTO packed (quantity, owner, width, rows, steps, samples) VALUES (?, ?, ?, ?, ?, ?)",
            (*key, len(steps[some]), *packed),
        )
    db.execute("INSERT INTO fact VALUES ('packed', '1') ON CONFLICT DO UPDATE SET value = value + 1")
    return size


def _thin(db: sqlite3.Connection, quantity: str, owner: int, width: int) -> int:
    """Thin a series. Returns the bytes that are left of it."""
    import numpy as np

    key = (quantity, owner, width)
    db.execute("BEGIN")
    chunks = db.execute(
        "SELECT rows, steps, samples FROM packed WHERE quantity = ? AND owner = ? AND width = ? ORDER BY id", key
    ).fetchall()
    steps = np.concatenate([unpack(steps, "<i8", rows, 1)[:, 0] for rows, steps, _ in chunks])
    values = np.concatenate([unpack(samples, "<f4", rows, width) for rows, _, samples in chunks])
    kept = kept_rows(values)
    db.execute("DELETE FROM packed WHERE quantity = ? AND owner = ? AND width = ?", key)
    size = _write(db, key, steps[kept], values[kept])
    db.execute("COMMIT")
    return size


def kept_rows(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows of a series stay when it is thinned, (rows,)."""
    import numpy as np

    rows, width = values.shape
    kept = np.zeros(rows, bool)
    kept[::2] = kept[:KEPT_FIRST] = kept[rows - int(KEPT_LAST * rows) :] = True
    # So many columns that marking rows for each would keep them all: the greatest and the least of each row stand for
    # them.
    marked: NDArray[Any] = values if 4 * width < rows else np.stack([values.max(1), values.min(1)], 1)
    finite = np.isfinite(marked)
    for column in range(marked.shape[1]):
        good = np.flatnonzero(finite[:, column])
        if len(good) < rows:
            kept[np.argmin(finite[:, column])] = True
        if len(good):
            line = marked[good, column]
            above = line > (line.min() / 2 + line.max() / 2)
            kept[good[[line.argmin(), line.argmax(), above.argmax(), above.argmin()]]] = True
    return kept

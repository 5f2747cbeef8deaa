"""Packing: the rows of a series as few bytes, for the table `packed`.

The bytes of the rows are laid out by their place in the row, all first ones first, where neighbours are alike: the
signs and exponents of one column, the upper bytes of ascending steps. Then zlib makes them few.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 1 << 30  # bytes: a file that claims more in one row of the table is damaged


def pack(rows: NDArray[Any]) -> bytes:
    """The rows of a little-endian array of two dimensions."""
    import numpy as np

    return zlib.compress(np.ascontiguousarray(rows).view(np.uint8).T.tobytes(), 1)


def unpack(data: bytes, dtype: str, rows: int, width: int) -> NDArray[Any]:
    """What `pack` was given, (rows, width). Raises ValueError where `data` is nothing of the kind."""
    import numpy as np

    long = np.dtype(dtype).itemsize * width
    if rows < 0 or width < 1 or rows * long > MOST:
        raise ValueError("too many rows")
    try:
        plain = zlib.decompressobj().decompress(data, rows * long or 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return np.ascontiguousarray(np.frombuffer(plain, np.uint8).reshape(long, rows).T).view(dtype)


def last_step(data: bytes, rows: int | None) -> int:
    """The last of the steps of a block, or of so many packed rows. Needs no NumPy."""
    if rows is None:
        return int.from_bytes(data[-8:], "little", signed=True)
    plain = zlib.decompressobj().decompress(data, min(8 * rows, MOST) or 1)
    return int.from_bytes(plain[rows - 1 :: rows], "little", signed=True)

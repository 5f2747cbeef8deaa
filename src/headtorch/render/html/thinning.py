"""Thinning: a long series as few points, each with the extent of what it stands for."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from headtorch.figures import Series


def thinned(
    name: str,
    steps: NDArray[np.int64],
    values: NDArray[np.float32],
    points: int,
) -> Series:
    """A curve of at most `points` means of equal stretches."""
    values = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    if len(steps) <= points:
        return Series(name, tuple(map(float, steps.tolist())), tuple(values.tolist()))
    edges = np.linspace(0, len(steps), points + 1).astype(np.int64)[:-1]
    known = np.isfinite(values)
    counts = np.add.reduceat(known, edges, dtype=np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.add.reduceat(np.where(known, values, 0.0), edges) / counts
    middles = steps[np.minimum(edges + np.diff([*edges, len(steps)]) // 2, len(steps) - 1)]
    # The ends are where the curve begins and ends, not the middle of the first and the last stretch.
    middles[0], middles[-1] = steps[0], steps[-1]
    return Series(
        name,
        tuple(map(float, middles.tolist())),
        tuple(means.tolist()),
        low=tuple(np.fmin.reduceat(values, edges).tolist()),
        high=tuple(np.fmax.reduceat(values, edges).tolist()),
    )


def within(
    steps: NDArray[np.int64], values: NDArray[np.float32], window: tuple[float, float] | None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The part of a series between two steps, and one more on each side, so that its curve reaches the edges."""
    if window is None:
        return steps, values
    first, last = np.searchsorted(steps, window[0]), np.searchsorted(steps, window[1], side="right")
    cut = slice(max(int(first) - 1, 0), int(last) + 1)
    return steps[cut], values[cut]


def rounded(value: float, digits: int = 4) -> float:
    """A value with few significant digits, for what is sent."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else value

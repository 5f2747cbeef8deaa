"""A curve as one row of blocks: ▁▂▅█×."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

LEVELS = "▁▂▃▄▅▆▇█"
FLAT = LEVELS[3]
BROKEN = "×"
LONGEST = 24


def sparkline(curve: Sequence[float]) -> str:
    """`curve` in at most 24 blocks of 8 levels; on a log scale when it spans two decades; × for NaN and infinity."""
    if len(curve) > LONGEST:
        edges = [len(curve) * i // LONGEST for i in range(LONGEST + 1)]
        # A single broken point is the news of its stretch; otherwise the last point stands for it.
        curve = [
            next((point for point in curve[start:stop] if not math.isfinite(point)), curve[stop - 1])
            for start, stop in pairwise(edges)
        ]
    finite = [point for point in curve if math.isfinite(point)]
    if finite and min(finite) > 0 and max(finite) / min(finite) > 100:
        curve = [math.log(point) if point > 0 and math.isfinite(point) else math.nan for point in curve]
        finite = [point for point in curve if math.isfinite(point)]
    # Halved, so that the difference of two huge numbers is still finite.
    low, high = min(finite, default=0.0) / 2, max(finite, default=0.0) / 2
    return "".join(_block(point / 2, low, high) for point in curve)


def _block(point: float, low: float, high: float) -> str:
    if not math.isfinite(point):
        return BROKEN
    if high == low:
        return FLAT
    return LEVELS[round((point - low) / (high - low) * (len(LEVELS) - 1))]

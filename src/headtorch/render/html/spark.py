"""A spark: a curve as small as a word, for a row of a table that has its numbers beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from headtorch.figures.drawings.paper import LINE, PALETTE
from headtorch.figures.scale import Scale

WIDTH, HEIGHT = 96, 22


def spark(curve: Sequence[float]) -> Markup:
    """A curve without axes, from 0 where it is above 0; empty where there is none."""
    finite = [value for value in curve if math.isfinite(value)]
    if len(finite) < 2:
        return Markup()
    low, high = min(0.0, *finite), max(finite)
    scale = Scale(low, high if high > low else low + 1)
    parts, pen = [], "M"
    for place, value in enumerate(curve):
        if math.isfinite(value):
            x, y = place / (len(curve) - 1) * (WIDTH - 2) + 1, (1 - scale.place(value)) * (HEIGHT - 4) + 2
            parts.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
        else:
            pen = "M"
    return Markup(
        f'<svg width="{WIDTH}" height="{HEIGHT}" aria-hidden="true"><path d="M1 {HEIGHT - 1}h{WIDTH - 2}" '
        f'stroke="{LINE}"/><path d="{"".join(parts)}" fill="none" stroke="{PALETTE[0]}" stroke-width="1.5"/></svg>'
    )

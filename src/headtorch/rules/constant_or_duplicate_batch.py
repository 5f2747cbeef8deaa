"""The same examples are fed again and again.

Why learning fails: a network that sees two examples learns two examples. The training loss falls to nothing, and says
nothing about any other.

Measured: a mark of each example in the looked-at batches; how many different ones there are within a batch.

Fix: look at the sampler (weights are one for each example, not for each class), at the index that never advances, and
at an iterator that is made anew for every batch.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the data"
LEADS_TO = (
    "overfitting",
    "labels-misaligned",
    "leakage-or-bad-validation",
    "class-imbalance",
    "constant-predictions",
)
DIFFERENT = 0.3  # of a batch's examples


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose batches repeat few examples of a single class, or one batch for ever."""
    for fit in signals.fits:
        marks = fit.series("fingerprint")
        if not marks or len(marks.steps) < 20:
            continue
        sizes = np.isfinite(marks.values).sum(axis=1)
        if np.median(sizes) < 8:
            continue
        rows = [row[np.isfinite(row)] for row in marks.values[:100]]
        within = float(np.median([len(np.unique(row)) / max(len(row), 1) for row in rows]))
        overall = len(np.unique(np.concatenate(rows))) / sum(map(len, rows))
        counts = fit.series("class_count")
        one_class = bool(counts) and int((counts.values.sum(axis=0) > 0).sum()) == 1
        if within > DIFFERENT or not one_class:
            continue
        yield Finding(
            rule="constant-or-duplicate-batch",
            severity="error",
            message=f"{within:.0%} of the examples in a batch differ, and all are of one class",
            where=signals.sampler_place() or signals.loader_place() or fit.objective.backward_at,
            saw=(
                Evidence("different examples in a batch", f"{within:.0%}", healthy="near 100 %"),
                Evidence("different examples in 100 batches", f"{overall:.1%}", healthy="more"),
                fit.seen_loss,
            ),
            help="give the sampler one weight for each example; let the index advance",
            label="draws the same examples",
            confidence=0.94,
        )

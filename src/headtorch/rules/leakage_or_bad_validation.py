"""The validation figure does not measure what it claims.

Why it misleads: an example that stands in both parts is remembered, not predicted. The figure says how well the network
has learned the training data by heart, and the most overfitted model wins.

Measured: the marks of the examples given in evaluation that were among the training batches looked at. None is right; all
is an evaluation of the training data on purpose; some is a leak.

Fix: split first, then repeat, augment, oversample or window the training part only.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

LEADS_TO = ("overfitting",)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit a part of whose evaluation examples it has been trained on."""
    for fit in signals.fits:
        train, held = fit.series("fingerprint").values, fit.series("eval_fingerprint").values
        trained = np.unique(train[np.isfinite(train)])
        marks = np.unique(held[np.isfinite(held)])
        inputs = fit.series("input")
        if len(marks) < 30 or len(trained) < 100 or not inputs or inputs.values[:, 8].max() < 2:
            continue
        share = float(np.isin(marks, trained).mean())
        repeated = len(marks) / max(np.isfinite(held).sum(), 1)
        if not 0.1 < share < 0.9 or repeated < 1e-4:
            continue
        yield Finding(
            rule="leakage-or-bad-validation",
            severity="warning",
            message=f"{share:.0%} of the examples in evaluation were trained on",
            where=signals.split_place() or fit.objective.backward_at,
            saw=(Evidence("evaluation examples seen in training", f"{share:.0%}", healthy="0 %"), fit.seen_loss),
            help="split the data first; repeat, augment or oversample the training part only",
            label="splits after examples were repeated",
            confidence=0.75,
        )

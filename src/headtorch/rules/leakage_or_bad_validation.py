"""The validation figure does not measure what it claims.

Why it misleads: an example that stands in both parts is remembered, not predicted. The figure says how well the network
has learned the training data by heart, and the most overfitted model wins.

Measured: the marks of the examples given in evaluation that were among the training batches looked at. None is right;
all is an evaluation of the training data on purpose; some is a leak.

Fix: split first, then repeat, augment, oversample or window the training part only.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "generalisation"
LEADS_TO = ("overfitting",)
SOME = 0.2  # of the examples; sequences of a few symbols repeat by chance
ENOUGH = 30  # examples of an evaluation batch


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit a part of whose evaluation examples it has been trained on."""
    for fit in signals.fits:
        marks, shares = fit.series("eval_fingerprint").values, fit.seen_in_training
        inputs = fit.series("input")
        if any(node.op == "Embedding" and not node.inputs for node in fit.network.nodes):
            continue  # sentences and users come again by nature
        if (
            not len(shares)
            or not inputs
            or inputs.values[:, 8].max() < 2
            or not _told_apart(fit.series("fingerprint").values)
        ):
            continue
        large = (
            shares[np.isfinite(marks).sum(axis=1)[: len(shares)] >= ENOUGH] if len(shares) == len(marks) else shares[:0]
        )
        if len(large) == 0:
            continue
        share = float(np.median(large))
        if not SOME < share < 0.9:
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


def _told_apart(marks: np.ndarray) -> bool:
    """Whether the examples of a batch differ: inputs of a few symbols repeat by nature."""
    rows = [row[np.isfinite(row)] for row in marks[:50]]
    return bool(np.median([len(np.unique(row)) / max(len(row), 1) for row in rows]) > 0.8)

"""Batches follow the order of the classes.

Why learning fails: the gradient of a batch is to stand for that of all data. A batch of one class says: always answer
this class; the next batch says another, and the network follows whichever it saw last.

Measured: the entropy of the classes within a batch beside that over all batches looked at. Shuffled, the two are close.

Fix: `shuffle=True` in the training `DataLoader`, or a new permutation of the indices each epoch.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the data"
LEADS_TO = (
    "dead-relu",
    "lr-too-high",
    "overfitting",
    "constant-or-duplicate-batch",
    "saturated-activations",
    "vanishing-gradients",
    "capacity-too-small",
    "constant-predictions",
)
SORTED = 0.5  # of the entropy of all batches


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each classification whose batches hold few of its classes."""
    for fit in signals.fits:
        counts = fit.series("class_count")
        if not counts or counts.values.shape[1] < 2 or len(counts.steps) < 10 or np.isnan(counts.values).any():
            continue
        sizes = counts.values.sum(axis=1)
        classes = int((counts.values.sum(axis=0) > 0).sum())
        within = float(np.median([_entropy(row) for row in counts.values]))
        over_all = _entropy(counts.values.sum(axis=0))
        if (
            classes < 2
            or float(np.median(sizes)) < max(8, classes / 2)
            or over_all <= 0.1
            or within > SORTED * over_all
        ):
            continue
        yield Finding(
            rule="data-not-shuffled",
            severity="error",
            message=f"a batch holds {np.exp(within):.2g} of the {classes} classes: the data comes in order",
            where=signals.loader_place() or fit.objective.backward_at,
            saw=(
                Evidence(
                    "entropy of the classes in a batch", within, healthy=f"about {over_all:.2g}, that of all batches"
                ),
                fit.seen_loss,
            ),
            help="shuffle the training data: `shuffle=True`, or a new permutation each epoch",
            label="gives the examples in order",
            confidence=0.94,
        )


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum())

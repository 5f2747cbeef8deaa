"""Inputs and labels do not belong together.

Why learning fails: a network can only learn what the labels say. When all are the same, it learns to say that; when
they were shuffled apart from their inputs, it can do no more than learn each example by heart.

Measured: how many different labels the batches hold. Labels that are mixed up can't be told from hard ones by watching:
only a second training with shuffled labels tells.

Fix: print a few examples beside their labels; look at the lines that scale, sort or split one without the other.
"""

from collections.abc import Iterator

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the data"
LEADS_TO = (
    "overfitting",
    "class-imbalance",
    "preprocessing-mismatch",
    "constant-or-duplicate-batch",
    "constant-predictions",
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each classification of several outputs whose labels are all the same."""
    for fit in signals.fits:
        counts = fit.series("class_count")
        shape = fit.loss.prediction_shape if fit.loss else None
        if not counts or counts.values.shape[1] < 2 or len(counts.steps) < 10 or shape is None or len(shape) < 2:
            continue
        if fit.loss is None or fit.loss.name not in ("cross_entropy", "nll"):
            continue
        classes = int((counts.values.sum(axis=0) > 0).sum())
        if classes != 1 or shape[1] < 2:
            continue
        yield Finding(
            rule="labels-misaligned",
            severity="error",
            message=f"every label is the same, of {shape[1]} that the network can tell",
            where=signals.target_place(fit),
            saw=(Evidence("different labels", 1.0, healthy=f"{shape[1]}"), fit.seen_loss),
            help="look at what was done to the labels before training: scaled, cast or split apart from the inputs",
            label="compares with labels that are all the same",
            confidence=0.92,
        )

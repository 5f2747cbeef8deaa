"""Batch statistics of one or two examples.

Why it fails: batch norm subtracts the mean of the batch and divides by its deviation. Of one or two examples both are
noise, and mostly the example itself: what makes it differ is divided out. In evaluation the running statistics take
their place, and the network meets numbers it has never seen.

Measured: how many examples the batch norms get in training.

Fix: larger batches; or `GroupNorm` or `LayerNorm`, which do not look at the batch.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals, place_of

FAMILY = "training and evaluation mode"
LEADS_TO = (
    "vanishing-gradients",
    "batchnorm-stats-stale",
    "overfitting",
    "lr-too-high",
    "preprocessing-mismatch",
    "constant-predictions",
)
TINY = 2  # examples


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that trains batch norms on one or two examples at a time."""
    for fit in signals.fits:
        norms = [node for node in fit.network.nodes if "BatchNorm" in node.op and node.shape]
        inputs = fit.series("input")
        if not norms or not inputs or fit.steps < 5:
            continue
        trains = [event for event in signals.run.events("mode") if event.value["objective"] == fit.objective.id]
        if any(event.value["norms"] and event.value["norms_off"] == event.value["norms"] for event in trains):
            continue
        examples = float(np.median(inputs.values[:, 9]))
        if examples > TINY or norms[0].shape is None or norms[0].shape[0] > TINY:
            continue
        yield Finding(
            rule="batchnorm-tiny-batch",
            severity="error",
            message=f"{len(norms)} batch norms take their statistics from a batch of {examples:g}",
            where=place_of(norms[0]),
            saw=(Evidence("examples in a batch", examples, healthy="16 or more"), fit.seen_loss),
            help="use larger batches, or `GroupNorm`, which does not look at the batch",
            label="this batch norm",
            confidence=0.93,
        )

"""Batches follow the order of the classes.

Why learning fails: the gradient of a batch is to stand for that of all data, `E[g_batch] = g`, which holds for
batches drawn at random. A batch of one class says: always answer this class; the next batch says another, and the
network follows whichever it saw last.

Measured: the entropy of the classes within a batch, `−Σₖ pₖ ln pₖ`, beside that over all batches looked at.

Healthy: close to each other (LeCun et al., 1998, and Bengio, 2012, ask for examples in random order); measured over
the 80 of 119 healthy trainings with classes, at least 0.86 of it. Told at half.

Fix: `DataLoader(data, batch_size=32, shuffle=True)`, or a new `torch.randperm(len(x))` each epoch.

Ignore it when a batch is one unit by nature, as one patient or one game, and is accumulated with others before a
step.
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
)
SORTED = 0.5  # of the entropy of all batches: no healthy training of 80 is below 0.86
ENOUGH = 10  # looked-at batches: fewer could be one odd stretch of the data
SMALL = 8  # examples, or half the classes: smaller batches can't hold the classes in their shares
ONE_CLASS = 0.1  # entropy: 98 % of one class has as little, in whatever order


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each classification whose batches hold few of its classes."""
    for fit in signals.fits:
        counts = fit.series("class_count")
        if not counts or counts.values.shape[1] < 2 or len(counts.steps) < ENOUGH or np.isnan(counts.values).any():
            continue
        sizes = counts.values.sum(axis=1)
        classes = int((counts.values.sum(axis=0) > 0).sum())
        within = float(np.median([_entropy(row) for row in counts.values]))
        over_all = _entropy(counts.values.sum(axis=0))
        if (
            classes < 2
            or float(np.median(sizes)) < max(SMALL, classes / 2)
            or over_all <= ONE_CLASS
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

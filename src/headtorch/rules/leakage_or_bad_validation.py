"""The validation figure does not measure what it claims.

Why it fails: an example that stands in both parts is remembered, not predicted. With a share s of them, it is
`error = s·(error on the known) + (1 − s)·(error on the new)`: it says how well the network has learned the training
data by heart, and the most overfitted model wins.

Measured: the marks of the examples given in evaluation that were among the training batches looked at. None is right;
all is an evaluation of the training data on purpose; some is a leak.

Healthy: 0 % (derivation; Kaufman et al., 2012). Measured over the 69 of 119 healthy trainings that evaluate: below 20
% in 56, an evaluation of the training data, above 90 %, in 12. Told in between, where examples of several features do
not repeat by nature.

Fix: split first, `train, test = train_test_split(data)`, then repeat, augment, oversample or window the training part
only; keep a patient, a day or a source in one part (`GroupShuffleSplit`).

Ignore it when equal examples are ordinary in the data and come in use too.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "generalisation"
LEADS_TO = ("overfitting",)
SOME = 0.2  # of the examples: data of a few values repeats by chance; 56 of 69 healthy trainings are below
ALL = 0.9  # of them: an evaluation of the training data on purpose, as in 12 of 69 healthy trainings
ENOUGH = 30  # examples of an evaluation batch: a share of 0.2 is then known to 0.07, one standard error
DIFFERENT = 0.8  # of a batch's examples: 113 of 116 healthy trainings have more, the others inputs of a few symbols


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
        if not SOME < share < ALL:
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
    return bool(np.median([len(np.unique(row)) / max(len(row), 1) for row in rows]) > DIFFERENT)

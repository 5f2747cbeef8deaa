"""The loss expects log-probabilities or probabilities and gets raw scores.

Why learning fails: the negative log-likelihood of a class is -log p. Given a raw score z in place of log p it is -z,
which falls without bound as the score grows: the network learns to make all scores large and says nothing about the
class. A squared error against one-hot targets without a squashing output does train, but slowly and to any range.

Measured: what `nll_loss` gets. A log-probability is never above 0; a probability is never below 0 or above 1.

Fix: use `cross_entropy`, which takes raw scores; or put `log_softmax` before `nll_loss`, `sigmoid` before
`binary_cross_entropy`.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals, span

FAMILY = "the loss and the output"
LEADS_TO = (
    "lr-too-high",
    "exploding-gradients",
    "dead-relu",
    "saturated-activations",
    "overfitting",
    "loss-target-mismatch",
    "constant-predictions",
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each negative log-likelihood that is given something else than log-probabilities."""
    for fit in signals.fits:
        predictions = fit.series("prediction")
        loss = fit.loss
        if loss is None or loss.name != "nll" or not predictions:
            continue
        largest = predictions.values[:, 3]
        # Rounding can lift a log-probability of 0 a little above it; a raw score is of the order of 1.
        above = np.flatnonzero(largest > 1e-3)
        if len(above) < max(1, len(largest) // 2):
            continue
        node = fit.network.nodes[loss.node] if loss.node >= 0 else None
        yield Finding(
            rule="missing-output-activation",
            severity="error",
            message="`nll_loss` gets raw scores where it expects log-probabilities",
            where=node.where if node else None,
            saw=(
                Evidence(
                    "largest input", float(largest.max()), healthy="at most 0", steps=span(predictions.steps[above])
                ),
                fit.seen_loss,
            ),
            help="use `cross_entropy` here, or put `log_softmax` over the classes before it",
            label="expects log-probabilities",
            confidence=0.98,
        )

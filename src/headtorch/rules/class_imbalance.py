"""One class dominates and the model predicts it.

Why it misleads: when 95 in 100 examples are of one class, always saying so is 95 % right and nearly the smallest loss
that is easy to find. The rare class, often the one that matters, adds too little to the gradient.

Measured: the shares of the classes over the looked-at batches, beside what the loss weighs them with.

Fix: weigh the classes in the loss inversely to their share; sample rare examples more often; judge by recall and not by
accuracy.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the data"
LEADS_TO = ("constant-predictions",)
RARE = 0.07  # of the share of the most frequent class


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each unweighted classification with a rare class."""
    for fit in signals.fits:
        counts = fit.series("class_count")
        if not counts or counts.values.shape[1] < 2 or np.isnan(counts.values).any() or fit.loss is None:
            continue
        totals = counts.values.sum(axis=0)
        shares = totals[totals > 0] / max(totals.sum(), 1)
        if not 2 <= len(shares) <= 20 or shares.min() > RARE * shares.max() or fit.loss.weighted or fit.gain > 0.9:
            continue
        yield Finding(
            rule="class-imbalance",
            severity="warning",
            message=f"the rarest class is {shares.min():.1%} of the examples, the most frequent {shares.max():.0%}",
            where=signals.criterion_place(fit) or signals.target_place(fit),
            saw=(
                Evidence(
                    "share of the rarest class", f"{shares.min():.1%}", healthy="near that of the others, or weighted"
                ),
                fit.seen_loss,
            ),
            help="weigh the classes in the loss inversely to their share, and judge by recall",
            label="weighs every example alike",
            confidence=0.7,
        )

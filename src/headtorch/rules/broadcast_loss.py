"""Prediction and target have shapes that broadcast against each other, such as (N, 1) and (N,).

Why learning fails: subtracting (N,) from (N, 1) gives all N x N pairs, so each prediction is compared with every
target. What minimises that is the mean of the targets for every input: the loss settles at their variance.

Measured: the shapes at the loss, read from the graph.

Fix: give both the same shape, with `target.unsqueeze(1)` or `prediction.squeeze(1)`.
"""

from collections.abc import Iterator

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the loss and the output"
LEADS_TO = (
    "lr-too-low",
    "capacity-too-small",
    "vanishing-gradients",
    "overfitting",
    "weight-decay-too-high",
    "dead-relu",
    "constant-predictions",
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each loss term that compares every prediction with several targets."""
    for fit in signals.fits:
        for loss in fit.objective.losses:
            if loss.broadcast is None:
                continue
            prediction, other = loss.broadcast
            pairs = len(prediction) <= 2 and max(prediction, default=1) > 1 and max(prediction) in (other[0], other[-1])
            node = fit.network.nodes[loss.node] if loss.node >= 0 else None
            yield Finding(
                rule="broadcast-loss",
                severity="error" if pairs else "warning",
                message=f"the loss compares predictions of shape {prediction} with every target, not each with its own",
                where=node.where if node else None,
                saw=(
                    Evidence("shapes", f"{prediction} against {other}", healthy="equal"),
                    fit.seen_loss,
                ),
                help="give prediction and target the same shape: `target.unsqueeze(1)` or `prediction.squeeze(1)`",
                label="these shapes broadcast",
                confidence=0.97 if pairs else 0.6,
            )

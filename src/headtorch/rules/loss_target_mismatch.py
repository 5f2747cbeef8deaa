"""The loss does not fit the task or the form of the targets.

Why learning fails: cross entropy compares the classes of one example with each other. Over a single output the softmax
is always 1, the loss is exactly 0 whatever the network says, and so is its gradient. One output that says yes or no
takes binary cross entropy.

Measured: the shape of the scores and of the targets at the loss, read from the graph.

Fix: `BCEWithLogitsLoss` for one yes or no, `CrossEntropyLoss` with class numbers for one class of several,
`BCEWithLogitsLoss` with one output for each label where several can be true.
"""

from collections.abc import Iterator

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals
from headtorch.store.records import Loss

FAMILY = "the loss and the output"
LEADS_TO = (
    "lr-too-low",
    "vanishing-gradients",
    "capacity-too-small",
    "dead-relu",
    "zero-or-constant-init",
    "constant-predictions",
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each cross entropy over a single class."""
    for fit in signals.fits:
        for loss in fit.objective.losses:
            node = fit.network.nodes[loss.node] if loss.node >= 0 else None
            scores = _scores_shape(fit, loss)
            if loss.name not in ("cross_entropy", "cross_entropy_soft") or scores is None or scores[1] != 1:
                continue
            yield Finding(
                rule="loss-target-mismatch",
                severity="error",
                message="cross entropy over a single output is 0 whatever the network says",
                where=(loss.prediction is not None and signals.criterion_place(fit)) or (node.where if node else None),
                saw=(Evidence("classes", 1.0, healthy="2 or more"), fit.seen_loss),
                help="use `BCEWithLogitsLoss` for one output that says yes or no",
                label="needs two or more classes",
                confidence=0.98,
            )


def _scores_shape(fit: Fit, loss: Loss) -> tuple[int, ...] | None:
    for number in (loss.node, *fit.network.before(loss.node)) if loss.node >= 0 else ():
        node = fit.network.nodes[number]
        if node.op == "LogSoftmax" and node.shape is not None and len(node.shape) >= 2:
            return node.shape
    return None

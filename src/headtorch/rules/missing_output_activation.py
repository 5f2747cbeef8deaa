"""The loss expects log-probabilities or probabilities and gets raw scores.

Why learning fails: the negative log-likelihood of a class is `L = −log p_y`. Given a raw score z in place of log p it
is `L = −z_y`, which falls without bound as the score grows: the network learns to make all scores large, and nothing
in the loss makes the classes compete.

Measured: the largest value that `nll_loss` gets, on the looked-at steps; what `kl_div` multiplies by the targets, read
from the graph.

Healthy: at most 0, since p ≤ 1 makes log p ≤ 0 (derivation). Told when half of the looked-at steps lie above 0.001:
rounding lifts a log-probability by about 1e-7, a raw score is of the order of 1.

Fix: use `F.cross_entropy(scores, y)`, which takes raw scores; or give `nll_loss` what it expects,
`F.nll_loss(F.log_softmax(scores, dim=1), y)`.

Ignore it when log-densities of continuous values are meant, which can be above 0.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import called
from headtorch.remedies import source_of
from headtorch.signals import LINEAR, Fit, Signals, span

FAMILY = "the loss and the output"
LEADS_TO = (
    "lr-too-high",
    "exploding-gradients",
    "dead-relu",
    "saturated-activations",
    "overfitting",
    "loss-target-mismatch",
)
ROUNDING = 1e-3  # can lift a log-probability of 0 above it, by about 1e-7; a raw score is of the order of 1
MOST = 0.5  # of the looked-at steps: raw scores start on both sides of 0, and the loss drives them up


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each likelihood or divergence that is given something else than log-probabilities."""
    for fit in signals.fits:
        yield from _divergence(signals, fit)
        predictions = fit.series("prediction")
        loss = fit.loss
        if loss is None or loss.name != "nll" or not predictions:
            continue
        largest = predictions.values[:, 3]
        above = np.flatnonzero(largest > ROUNDING)
        if len(above) < max(1, int(MOST * len(largest))):
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


def _divergence(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """PyTorch computes it as sum(t ln t) - sum(t x): x straight from a linear map is no logarithm of shares."""
    for node in fit.network.nodes:
        if node.op != "Mul" or not node.outside or len(node.inputs) != 1 or node.where is None:
            continue
        scores = fit.network.nodes[node.inputs[0]]
        call = signals.places.call_at(node.where)
        divergence = node.module == "KLDivLoss" or (call is not None and called(call) == "kl_div")
        if not divergence or scores.op not in (*LINEAR, "Softmax", "Sigmoid"):
            continue
        yield Finding(
            rule="missing-output-activation",
            severity="error",
            message=f"`kl_div` gets the output of `{fit.network.name(node.inputs[0])}` where it expects "
            "log-probabilities",
            where=node.where,
            saw=(Evidence("before the loss", scores.op.lower(), healthy="log_softmax"), fit.seen_loss),
            help="put `log_softmax` over the classes before it",
            label="expects log-probabilities",
            confidence=0.98,
        )
        return


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The loss that takes raw scores, or the logarithms of shares that a divergence takes."""
    where = finding.where
    divergence = signals.places.call_at(where) if where is not None else None
    if where is not None and divergence is not None and "nll" not in called(divergence).lower() and divergence.args:
        scores = signals.places.where(where.file, divergence.args[0])
        softmax = "Softmax" in {node.op for node in signals.longest.network.nodes}
        code = "({}).log()" if softmax else "torch.nn.functional.log_softmax({}, dim=1)"
        yield Change("give the loss log-probabilities", (replace(scores, code),), alters_loss=True)
        return
    for place in (where, signals.criterion_place(signals.longest)):
        call = signals.places.call_at(place) if place is not None else None
        if place is None or call is None:
            continue
        if called(call) == "nll_loss":
            rest = ", ".join(source_of(signals, place, part) for part in (*call.args[1:], *call.keywords))
            code = f"torch.nn.functional.cross_entropy({{0}}, {rest})"
            yield Change("use the loss that takes raw scores", (replace(place, code),), alters_loss=True)
        elif called(call) == "NLLLoss":
            rest = ", ".join(source_of(signals, place, part) for part in (*call.args, *call.keywords))
            edits = (replace(place, f"torch.nn.CrossEntropyLoss({rest})"),)
            yield Change("use the loss that takes raw scores", edits, alters_loss=True)

"""What the last layer can put out does not cover the targets.

Why learning fails: a sigmoid ends in 0 to 1, a tanh in −1 to 1, a ReLU in 0 to infinity, a softmax in shares that sum
to 1. Targets outside of that can never be met, however long the training is: the network drives its output to the
edge, where the slope of the last non-linearity is 0, `σ′(z) = σ(z) (1 − σ(z)) → 0`, and gets no gradient any more. A
softmax over a single output is always 1.

Measured: the operation before the loss; the smallest and largest target of a regression on the looked-at steps; for a
softmax, the share of rows of whole-number targets that sum to 1.

Healthy: targets within the range of the output, and one label a row behind a softmax (derivation). 5 % of the range
beyond it are let pass, as noise; told from half of the looked-at batches on.

Fix: end a regression with its linear layer, `nn.Linear(32, 1)`; end independent labels with a sigmoid each
(`nn.BCEWithLogitsLoss()`); or scale the targets into the range, `(y - y.min()) / (y.max() - y.min())`.

Ignore it when the output is clipped to that range on purpose, and what lies beyond it does not count.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace, unwrap
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import called
from headtorch.signals import BOUNDED, Fit, Signals, place_of
from headtorch.store.records import Node

FAMILY = "the loss and the output"
LEADS_TO = (
    "dead-relu",
    "saturated-activations",
    "vanishing-gradients",
    "target-not-normalised",
    "lr-too-low",
    "loss-target-mismatch",
    "capacity-too-small",
    "lr-too-high",
    "input-not-normalised",
)
REGRESSIONS = ("mse", "l1", "smooth_l1", "huber")
MARGIN = 0.05  # of the range: targets a little outside cost at most 0.05² = 0.25 % of the range squared
MOST = 0.5  # of the batches: single outliers are no reason to change the output
WHOLE = 0.99  # of the targets are whole numbers: labels, with room for rounding
COMPETE = 0.9  # of the rows sum to 1: then a softmax is meant, a few odd rows aside


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each loss whose targets the output cannot reach."""
    for fit in signals.fits:
        node = fit.network.prediction
        if node is None or node.op not in BOUNDED or fit.loss is None:
            continue
        saw = _single_softmax(node) or _outside(fit, node) or _competing(fit, node)
        if saw is None:
            continue
        op = node.op.lower()
        yield Finding(
            rule="output-activation-range",
            severity="error",
            message=f"the {op} at the end cannot reach the targets",
            where=place_of(node),
            saw=(*saw, fit.seen_loss),
            help=_advice(node, fit),
            label=f"this {op}",
            confidence=0.97,
        )


def _single_softmax(node: Node) -> tuple[Evidence, ...] | None:
    dimension = node.detail.get("dim")
    if node.op != "Softmax" or node.shape is None or not isinstance(dimension, (int, float)):
        return None
    if node.shape[int(dimension)] != 1 or len(node.shape) < 2:
        return None
    return (Evidence("outputs of the softmax", 1.0, healthy="2 or more: the share of a single output is always 1"),)


def _outside(fit: Fit, node: Node) -> tuple[Evidence, ...] | None:
    targets = fit.series("target")
    if not targets or fit.loss is None or fit.loss.name not in REGRESSIONS:
        return None
    low, high = BOUNDED[node.op]
    smallest, largest = float(targets.values[:, 2].min()), float(targets.values[:, 3].max())
    width = min(high - low, max(largest - smallest, 1e-12))
    share = float(
        np.mean((targets.values[:, 2] < low - MARGIN * width) | (targets.values[:, 3] > high + MARGIN * width))
    )
    if share < MOST:
        return None
    healthy = f"within {low:g} to {high:g}" if np.isfinite(high) else f"at least {low:g}"
    return (Evidence("targets", f"{smallest:.3g} to {largest:.3g}", healthy=healthy),)


def _competing(fit: Fit, node: Node) -> tuple[Evidence, ...] | None:
    """A softmax makes labels compete: several, or none, cannot be true of one example."""
    targets = fit.series("target")
    if node.op != "Softmax" or fit.loss is None or fit.loss.name not in ("bce", *REGRESSIONS) or not targets:
        return None
    if fit.loss.target_shape is None or len(fit.loss.target_shape) < 2 or fit.loss.target_shape[-1] < 2:
        return None
    whole, sums_to_one = float(targets.values[:, 5].mean()), float(targets.values[:, 6].mean())
    if whole < WHOLE or sums_to_one > COMPETE:
        return None
    return (Evidence("rows of targets that sum to 1", f"{sums_to_one:.0%}", healthy="100 %, for outputs that compete"),)


def _advice(node: Node, fit: Fit) -> str:
    if node.op == "Softmax":
        return "put a sigmoid in its place: one for each output"
    if fit.loss is not None and fit.loss.name in REGRESSIONS:
        return f"leave out the {node.op.lower()}: a regression ends with its linear layer"
    return "scale the targets into the range of the output"


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A sigmoid where a softmax makes outputs compete, else the output as it is."""
    where = finding.where
    call = signals.places.call_at(where) if where is not None else None
    if where is None or call is None:
        return
    if called(call) == "Softmax":
        yield Change("give each output a sigmoid", (replace(where, "torch.nn.Sigmoid()"),))
    elif called(call) == "softmax":
        function = ast.unparse(call.func).startswith(("F.", "torch.", "nn.")) or isinstance(call.func, ast.Name)
        code = "torch.sigmoid({0})" if function else "torch.sigmoid({self})"
        yield Change("give each output a sigmoid", (replace(where, code),))
    yield Change("end with the linear layer", (unwrap(where),))

"""Prediction and target have shapes that broadcast against each other, such as (N, 1) and (N,).

Why learning fails: subtracting (N,) from (N, 1) gives all N × N pairs, so each prediction is compared with every
target: `L = 1/N² Σᵢ Σⱼ (pᵢ − yⱼ)²`. For each i that is smallest at pᵢ = mean(y), whatever the input is: the network
learns to say the mean, and the loss settles at the variance of the targets.

Measured: the shapes at the loss, and at factors that it is multiplied with, as a mask, read from the graph.

Healthy: equal shapes, so that each prediction meets its own target (derivation). An error where a column of
predictions meets a row of targets; a warning where other shapes broadcast.

Fix: give both the same shape, with `target.unsqueeze(1)` or `prediction.squeeze(1)`.

Ignore it when one target is meant for all examples and broadcast on purpose; `target.expand_as(prediction)` says so.
Where each pair of an example's answers and targets has a weight of its own, as in quantile regression from samples
(Dabney et al., 2018), it says nothing.
"""

import ast
import math
from collections.abc import Iterator
from itertools import islice

from headtorch.changes import insert_before, replace
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.signals import Signals
from headtorch.signals.network import Network
from headtorch.store.records import Loss, Node

FAMILY = "the loss and the output"
LEADS_TO = (
    "lr-too-low",
    "capacity-too-small",
    "vanishing-gradients",
    "overfitting",
    "weight-decay-too-high",
    "dead-relu",
)
COMPARING = ("Sub", "Rsub", "Mul", "Div")
NEAR = 8  # operations below a loss written by hand, among which its difference stands


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each loss term that compares every prediction with several targets."""
    for fit in signals.fits:
        told = set[Where | None]()
        for loss in fit.objective.losses:
            if loss.broadcast is None or _weighs_pairs(fit.network, loss):
                continue
            prediction, other = loss.broadcast
            pairs = len(prediction) <= 2 and max(prediction, default=1) > 1 and max(prediction) in (other[0], other[-1])
            spread = math.prod(other) > math.prod(prediction)
            node = _compares(fit.network, loss) if loss.node >= 0 else None
            where = node.where if node else None
            if where in told:
                continue
            told.add(where)
            yield Finding(
                rule="broadcast-loss",
                severity="error" if pairs else "warning",
                message=f"the loss compares predictions of shape {prediction} with every target, not each with its own",
                where=where,
                saw=(
                    Evidence("shapes", f"{prediction} {'spread to' if spread else 'against'} {other}", healthy="equal"),
                    fit.seen_loss,
                ),
                help="give prediction and target the same shape: `target.unsqueeze(1)` or `prediction.squeeze(1)`",
                label="these shapes broadcast",
                confidence=0.97 if pairs else 0.6,
            )


def _weighs_pairs(network: Network, loss: Loss) -> bool:
    """Whether all answers to one example meet all its targets, and each pair has a weight of its own."""
    if loss.node < 0 or loss.broadcast is None:
        return False
    prediction, pairs = loss.broadcast
    within = len(prediction) == len(pairs) > 2 and prediction[0] == pairs[0]
    return within and any(
        node.op == "Mul" and node.outside and node.inputs == (loss.node,) and node.shape == pairs
        for node in network.nodes
    )


def _compares(network: Network, loss: Loss) -> Node:
    """The operation that compares: the first, on the way to the loss, whose result has the shape of all pairs; or the
    factor, behind the term, that spreads it."""
    node = network.nodes[loss.node]
    below = [network.nodes[i] for i in islice(network.before(loss.node), NEAR)]
    behind = network.nodes[loss.node + 1 : loss.node + NEAR] if node.shape != () else ()
    spread = loss.broadcast[1] if loss.broadcast else None
    found = [each for each in (*behind, *below) if each.op in COMPARING and each.where and each.shape == spread]
    return found[-1] if found else node


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """One dimension more, or one less, for the target or for the prediction."""
    what = "give prediction and target the same shape"
    for prediction, target in _operands(signals, finding.where) if finding.where is not None else ():
        for operand, call in (
            (target, "unsqueeze(1)"),
            (prediction, "squeeze(1)"),
            (target, "squeeze(1)"),
            (prediction, "unsqueeze(1)"),
        ):
            edits = (replace(operand, f"({{}}).{call}"),)
            yield Change(what, edits, alters_loss=True)
    if (where := finding.where) is None:
        return
    for product in signals.places.nodes_at(where, ast.BinOp):
        for name in _numbers(product.left) if isinstance(product.op, (ast.Mult, ast.Div)) else ():
            for call in ("unsqueeze(1)", "squeeze(1)"):
                yield Change(what, (insert_before(where, f"{name} = {name}.{call}"),), alters_loss=True)


def _numbers(factor: ast.expr) -> list[str]:
    """The variables in a factor, one that is called left out."""
    called = {id(node.func) for node in ast.walk(factor) if isinstance(node, ast.Call)}
    return sorted({node.id for node in ast.walk(factor) if isinstance(node, ast.Name) and id(node) not in called})


def _operands(signals: Signals, where: Where) -> Iterator[tuple[Where, Where]]:
    """The places of what a loss compares: both sides of a difference, or the first two arguments of a call."""
    tree, call = signals.places.tree(where.file), signals.places.call_at(where)
    products = signals.places.nodes_at(where, ast.BinOp)
    if products and not isinstance(products[0].op, ast.Sub):
        return
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and node.lineno == where.line:
            yield signals.places.where(where.file, node.left), signals.places.where(where.file, node.right)
    if call is not None and len(call.args) > 1:
        yield signals.places.where(where.file, call.args[0]), signals.places.where(where.file, call.args[1])

"""Weights meant to be shared are two copies.

Why learning fails: a tied weight W gets the gradient of both its uses, `∂L/∂W = ∂L/∂W_in + ∂L/∂W_out`. Two copies begin
equal and part with the first step: twice the weights, each with half the evidence. The input side of a rare word is
changed only when the word is read, the output side at each step, so that the rare words learn least. A saved copy of
one no longer fits the other.

Measured: an embedding and a linear layer of one shape that are two parameters, begin with the same values (or stand in
an assignment that gives one the values of the other), both learn, and come apart in length by 0.1 % or more. Also two
branches of two linear maps or more that begin with the same values, learn apart, and whose outputs are compared by a
difference, a distance or a product, as the two arms of a siamese network (Bromley et al., 1993) are.

Healthy: one parameter, used twice, or two that are independent from the start (derivation; Press & Wolf, 2017, compare
tied and untied embeddings).

Fix: assign the parameter itself, after whatever makes new ones: `head.weight = embedding.weight`; call one encoder
twice in place of a copy.

Ignore it when the second one is meant to start as a copy of the first and to go its own way.
"""

import ast
from collections.abc import Iterator
from itertools import combinations

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.remedies import source_of
from headtorch.signals import Fit, Network, Signals
from headtorch.store.records import Parameter

FAMILY = "the network"
LEADS_TO = ("overfitting", "capacity-too-small")
COMPARING = ("Mm", "Bmm", "Sub", "Mul", "Cdist", "EuclideanDist")  # what siamese networks end in
DEEP = 2  # linear maps of a branch: single ones that begin equal are queries and keys
APART = 1e-3  # of their size: float32 rounds at 6e-8, so this takes 16,000 steps of rounding all one way


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each embedding with a twin in a linear layer that moves away from it, and for copied branches."""
    told: set[int] = set()
    for fit in signals.fits:
        yield from _copied_branches(signals, fit)
        learning = [
            p for p, reached, moved in zip(fit.parameters, fit.reached, fit.moved, strict=True) if reached and moved
        ]
        for table in (p for p in learning if p.kind == "Embedding" and p.id not in told):
            twin = next((p for p in learning if p.kind == "Linear" and p.shape == table.shape), None)
            if twin is None or (apart := _apart(fit, table, twin)) < APART:
                continue
            equal = _equal(fit, table, twin)
            tie = _tie(signals, table, twin)
            if not equal and tie is None:
                continue
            told.add(table.id)
            made_at = signals.run.modules[twin.module].made_at if twin.module in signals.run.modules else None
            start = "begin equal" if equal else "are assigned to each other"
            yield Finding(
                rule="weights-untied",
                severity="error",
                message=f"`{table.name}` and `{twin.name}` {start} and are trained as two",
                where=tie or made_at,
                saw=(
                    Evidence("parameters", f"2 of shape {table.shape}", healthy="1, used twice"),
                    Evidence("difference of their lengths", f"{apart:.2%}", healthy="0 %"),
                    fit.seen_loss,
                ),
                help="share the parameter itself, after all layers are made: `head.weight = embedding.weight`",
                label="copies the values, and does not share them" if equal else "does not last",
                confidence=0.95,
            )


def _copied_branches(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where a network compares two branches that began as copies."""
    network = fit.network
    moved = {p.id: p for p, is_moved in zip(fit.parameters, fit.reached & fit.moved, strict=True) if is_moved}
    weights = {number: moved[w] for number in network.linear_maps if (w := network.nodes[number].weight) in moved}
    pairs = [(one, other) for one, other in combinations(weights, 2) if _equal(fit, weights[one], weights[other])]
    if len(pairs) < DEEP:
        return
    before = {number: set(network.before(number)) for number in {other for pair in pairs for other in pair}}
    beside = [pair for pair in pairs if pair[0] not in before[pair[1]] and _meet(network, *pair) in COMPARING]
    firsts, seconds = {one for one, _ in beside}, {other for _, other in beside}
    if len(beside) < DEEP or firsts & seconds:
        return
    one, other = (network.name(number) for number in beside[0])
    yield Finding(
        rule="weights-untied",
        severity="warning",
        message=f"two branches are compared that began as copies and are trained apart, `{one}` and `{other}`",
        where=signals.copy_place() or network.nodes[beside[0][1]].where,
        saw=(
            Evidence("linear maps that began equal", f"{len(beside)} pairs", healthy="one branch, used twice"),
            fit.seen_loss,
        ),
        help="call one branch twice, if both get the same kind of input",
        label="copies a branch",
        confidence=0.75,
    )


def _equal(fit: Fit, one: Parameter, other: Parameter) -> bool:
    """Whether two parameters began with the same values, and not with one value throughout."""
    if one.id == other.id or one.shape != other.shape:
        return False
    return fit.initial(one)[:2] == fit.initial(other)[:2] and fit.initial(one)[0] > 0


def _meet(network: Network, one: int, other: int) -> str:
    """The first operation that gets something of both of two nodes; nothing where none does."""
    from_one, from_other = {one}, {other}
    for number in range(min(one, other) + 1, len(network.nodes)):
        inputs = set(network.nodes[number].inputs)
        if inputs & from_one and inputs & from_other:
            return network.nodes[number].op
        for reached in (from_one, from_other):
            if inputs & reached:
                reached.add(number)
    return ""


def _apart(fit: Fit, one: Parameter, other: Parameter) -> float:
    """How far the lengths of two parameters are apart when they are furthest."""
    norms, columns = fit.series("weight_norm"), list(fit.objective.parameters)
    if not norms or norms.values.shape[1] != len(columns):
        return 0.0
    a, b = (norms.values[:, columns.index(p.id)] for p in (one, other))
    return float(abs(a - b).max() / max(float(a.max()), 1e-30))


def _tie(signals: Signals, *parameters: Parameter) -> Where | None:
    """The statement that gives one layer's weight to the other."""
    layers = [parameter.name.split(".")[-2] for parameter in parameters if "." in parameter.name]
    return next((place for file in signals.run.sources for place in signals.places.ties(file, *layers)), None)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """One parameter for both layers, where its values were copied."""
    for tie in signals.places.nodes_at(finding.where, ast.Assign) if finding.where is not None else ():
        weights = [
            next((n for n in ast.walk(side) if isinstance(n, ast.Attribute) and n.attr == "weight"), None)
            for side in (tie.targets[0], tie.value)
        ]
        edits = tuple(
            replace(signals.places.where(finding.where.file, side), source_of(signals, finding.where, weight))
            for side, weight in zip((tie.targets[0], tie.value), weights, strict=True)
            if weight is not None and finding.where is not None and weight is not side
        )
        if edits:
            yield Change("share the parameter itself", edits)

"""What the last layer can put out does not cover the targets.

Why learning fails: a sigmoid ends in 0 to 1, a tanh in −1 to 1, a ReLU in 0 to infinity, a softmax in shares that sum
to 1. Targets outside of that can never be met, however long the training is: the network drives its output to the
edge, where the slope of the last non-linearity is 0, `σ′(z) = σ(z) (1 − σ(z)) → 0`, and gets no gradient any more. A
softmax over a single output is always 1. The state of an LSTM or a GRU lies in −1 to 1 too. Scores that a loss turns
into probabilities need room as well: within −1 to 1, the surest answer over k classes still costs
`ln(1 + (k − 1)·e⁻²)`, 0.8 for ten; and a ReLU before a sigmoid never says less than one half.

Measured: the operation before the loss, and the numbers that its output is multiplied with, `limit * tanh(z)`; the
smallest and largest target of a regression on the looked-at steps; for a softmax, the share of rows of whole-number
targets that sum to 1; of scores, the least loss that they can have; the range of what a network makes for another one
beside that of the data which this is shown. Nothing is said where what is added or multiplied
is not known.

Healthy: targets within the range of the output, and one label a row behind a softmax (derivation). 5 % of the range
beyond it are let pass, as noise; told from half of the looked-at batches on. Of scores, a least loss below a tenth of
that of a constant answer is let pass.

Fix: end a regression with its linear layer, `nn.Linear(32, 1)`; end independent labels with a sigmoid each
(`nn.BCEWithLogitsLoss()`); scale the targets into the range, `(y - y.min()) / (y.max() - y.min())`; or widen the
range, `limit = y.abs().max()`.

Ignore it when the output is clipped to that range on purpose, and what lies beyond it does not count.
"""

import ast
from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

import numpy as np

from headtorch.changes import replace, unwrap
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.trees import called
from headtorch.remedies import valued
from headtorch.signals import BOUNDED, Fit, Network, Signals, Term, factor_of, place_of
from headtorch.signals.network import RECURRENT
from headtorch.store.records import DISTANCES, YES_OR_NO, Node
from headtorch.store.run import Series

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
STATES = ("LSTM", "GRU")  # layers whose output is a state between -1 and 1
MARGIN = 0.05  # of the range: targets a little outside cost at most 0.05² = 0.25 % of the range squared
MOST = 0.5  # of the batches: single outliers are no reason to change the output
WHOLE = 0.99  # of the targets are whole numbers: labels, with room for rounding
ROOM = 1.1  # times the largest target: a tanh comes near its ends only where its slope is near 0
COMPETE = 0.9  # of the rows sum to 1: then a softmax is meant, a few odd rows aside
UNSURE = 0.1  # of the loss of a constant answer: what scores between -2.7 and 2.7 can come to over ten classes
ONE_SIDED = ("Relu", "Softplus")  # scores that never say no


class Output(NamedTuple):
    """The last operation that bounds the output, what multiplies its result last, by how much in all, and where that
    then lies."""

    bounded: Node
    scaled: Node | None
    factor: float
    low: float
    high: float


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each loss whose targets the output cannot reach."""
    yield from _cannot_look_real(signals)
    for fit in signals.fits:
        for term in fit.terms:
            if (unsure := _never_sure(fit, term)) is not None:
                yield unsure
            output = _output(fit.network, term)
            if output is None:
                continue
            node, scaled = output.bounded, output.scaled
            saw = _single_softmax(output) or _outside(term, output) or _competing(term, output)
            if saw is None:
                continue
            op = node.op.lower() if node.op in BOUNDED else f"state of the {node.module}"
            times = "" if scaled is None else f", times {output.factor:g},"
            yield Finding(
                rule="output-activation-range",
                severity="error",
                message=f"the {op} at the end{times} cannot reach the targets",
                where=place_of(node) if scaled is None else _limit_place(signals, scaled) or place_of(scaled),
                saw=(*saw, fit.seen_loss),
                help=_advice(output, term),
                label=f"this {op}" if scaled is None else f"this scales the {op}",
                confidence=0.97,
            )


def _never_sure(fit: Fit, term: Term) -> Finding | None:
    """A finding where bounded scores cannot come near a loss of 0, however sure the network is."""
    scores = _scores(fit.network, term)
    output = None if scores is None else _bounded(fit.network, scores)
    least = None if output is None else _least_loss(fit, term, output)
    chance = fit.chance if term.loss == fit.loss else None
    if output is None or least is None or not chance or least < UNSURE * chance:
        return None
    op = output.bounded.op.lower() if output.bounded.op in BOUNDED else f"state of the {output.bounded.module}"
    one_sided = output.bounded.op in ONE_SIDED
    what = "never says no" if one_sided else "leaves no room to be sure"
    return Finding(
        rule="output-activation-range",
        severity="error" if one_sided else "warning",
        message=f"the {op} before the loss {what}: its least is {least:.2g}, and {chance:.2g} for a constant answer",
        where=place_of(output.bounded),
        saw=(
            Evidence("scores", _range(output.low, output.high), healthy="any number"),
            Evidence("least loss that they can have", least, healthy=f"below {UNSURE * chance:.2g}"),
            fit.seen_loss,
        ),
        help=f"leave out the {op}: scores are the linear layer's"
        if output.bounded.op in BOUNDED
        else "put a linear layer behind it, which makes scores of the state",
        label=f"this {op}",
        confidence=0.95 if one_sided else 0.9,
    )


def _cannot_look_real(signals: Signals) -> Iterator[Finding]:
    """A finding for each network whose bounded output another one is to tell from data beyond these bounds: a generator
    that can't reach what its critic is shown."""
    for critic, generator in permutations(signals.fits, 2):
        nodes = generator.network.nodes
        if not _take_turns(critic, generator):
            continue
        entries = {n.weight for n in critic.network.nodes if n.weight is not None and n.outside and not n.inputs}
        made = next((n for n in nodes if n.weight in entries and len(n.inputs) == 1 and not n.outside), None)
        output = None if made is None else _bounded(generator.network, nodes[made.inputs[0]])
        shown = None if made is None or made.weight is None else _given_to(signals, critic, made.weight)
        if output is None or not shown or output.bounded.op not in BOUNDED or len(entries) != 1:
            continue
        shape = output.bounded.shape or (0,)
        if float(shown.values[:, 8].max()) != shape[1 if len(shape) > 3 else -1]:
            continue  # it is shown something else
        low, high = float(shown.values[:, 2].min()), float(shown.values[:, 3].max())
        room = MARGIN * min(output.high - output.low, max(high - low, 1e-12))
        beyond = (shown.values[:, 2] < output.low - room) | (shown.values[:, 3] > output.high + room)
        if float(np.mean(beyond)) < MOST:
            continue
        op = output.bounded.op.lower()
        yield Finding(
            rule="output-activation-range",
            severity="error",
            message=f"what ends in this {op} is compared with data from {low:.3g} to {high:.3g}, which it cannot reach",
            where=place_of(output.bounded),
            saw=(
                Evidence("data that the critic is shown", f"{low:.3g} to {high:.3g}"),
                Evidence(f"range of the {op}", _range(output.low, output.high), healthy="covers the data"),
                generator.seen_loss,
            ),
            help=f"scale the data into the range of the {op}; a tanh goes with data from -1 to 1",
            label=f"this {op}",
            confidence=0.95,
        )
        return


def _take_turns(one: Fit, other: Fit) -> bool:
    """Whether two trainings go on beside each other, not one after the other."""
    first, second = (fit.series("loss").steps for fit in (one, other))
    return bool(first[0] < second[-1] and second[0] < first[-1])


def _given_to(signals: Signals, fit: Fit, weight: int) -> Series | None:
    """What the network of a weight is given, of the first two that run for a loss."""
    module = signals.run.parameters[weight].module
    while module is not None and module not in fit.objective.roots[:2] and module in signals.run.modules:
        module = signals.run.modules[module].parent
    if module not in fit.objective.roots[:2]:
        return None
    return fit.series("input" if module == fit.objective.roots[0] else "other_input")


def _scores(network: Network, term: Term) -> Node | None:
    """What a term turns into probabilities: what stands before the loss, or before its sigmoid or softmax."""
    node = network.predicted(term.loss)
    inside = {"bce": "Sigmoid", "nll": "LogSoftmax"}.get(term.loss.name)
    if node is None or inside is None:
        return node if term.loss.name in ("cross_entropy", "bce_with_logits") else None
    return network.nodes[node.inputs[0]] if node.op == inside and len(node.inputs) == 1 else None


def _least_loss(fit: Fit, term: Term, output: Output) -> float | None:
    """What the surest right answer costs within the range of the scores."""
    if output.bounded.op in ("Sigmoid", "Softmax", "LogSoftmax", "LogSigmoid"):
        return None  # probabilities where scores are meant: another rule's case
    if term.loss.name in YES_OR_NO:
        if not term.targets:
            return None
        yes = float(term.targets.values[:, 0].mean())
        return float((1 - yes) * np.logaddexp(0, output.low) + yes * np.logaddexp(0, -output.high)) * fit.scale
    shape = term.loss.prediction_shape
    classes = shape[1] if shape is not None and len(shape) > 1 else 0
    return float(np.log1p((classes - 1) * np.exp(output.low - output.high))) * fit.scale if classes > 1 else None


def _output(network: Network, term: Term) -> Output | None:
    """What bounds the prediction of a term of the loss, through products with known numbers."""
    node = network.predicted(term.loss)
    return None if node is None else _bounded(network, node)


def _bounded(network: Network, node: Node | None) -> Output | None:
    factor, last = 1.0, node
    if node is not None and node.op in RECURRENT and node.module in STATES:
        return Output(node, None, 1.0, -1.0, 1.0)
    while node is not None and node.op not in BOUNDED:
        by = factor_of(node)
        if not by:
            return None
        factor *= by
        node = network.nodes[node.inputs[0]]
    if node is None:
        return None
    low, high = sorted(bound * factor for bound in BOUNDED[node.op])
    return Output(node, None if last is node else last, factor, low, high)


def _limit_place(signals: Signals, scaled: Node) -> Where | None:
    """Where the number is written that the output is multiplied with."""
    place = signals.places.factor_at(scaled.where) if scaled.where is not None else None
    return place if place is not None and signals.places.number_at(place) == factor_of(scaled) else None


def _single_softmax(output: Output) -> tuple[Evidence, ...] | None:
    node = output.bounded
    dimension = node.detail.get("dim")
    if (
        node.op != "Softmax"
        or output.scaled is not None
        or node.shape is None
        or not isinstance(dimension, (int, float))
    ):
        return None
    if node.shape[int(dimension)] != 1 or len(node.shape) < 2:
        return None
    return (Evidence("outputs of the softmax", 1.0, healthy="2 or more: the share of a single output is always 1"),)


def _outside(term: Term, output: Output) -> tuple[Evidence, ...] | None:
    targets, predictions = term.targets, term.predictions
    if not targets or term.loss.name not in DISTANCES:
        return None
    low, high = output.low, output.high
    smallest, largest = float(targets.values[:, 2].min()), float(targets.values[:, 3].max())
    width = min(high - low, max(largest - smallest, 1e-12))
    room = MARGIN * width
    share = float(np.mean((targets.values[:, 2] < low - room) | (targets.values[:, 3] > high + room)))
    if share < MOST:
        return None
    # A factor is known from one step. Where another one takes its place, the predictions leave the range of the first.
    kept = bool(predictions) and bool(
        ((predictions.values[:, 2] >= low - room) & (predictions.values[:, 3] <= high + room)).all()
    )
    if output.scaled is not None and not kept:
        return None
    return (Evidence("targets", f"{smallest:.3g} to {largest:.3g}", healthy=_range(low, high)),)


def _range(low: float, high: float) -> str:
    if np.isfinite(low) and np.isfinite(high):
        return f"within {low:g} to {high:g}"
    return f"at least {low:g}" if np.isfinite(low) else f"at most {high:g}"


def _competing(term: Term, output: Output) -> tuple[Evidence, ...] | None:
    """A softmax makes labels compete: several, or none, cannot be true of one example."""
    targets, shape = term.targets, term.loss.target_shape
    if output.bounded.op != "Softmax" or output.scaled is not None or not targets:
        return None
    if term.loss.name not in ("bce", *DISTANCES) or shape is None or len(shape) < 2 or shape[-1] < 2:
        return None
    whole, sums_to_one = float(targets.values[:, 5].mean()), float(targets.values[:, 6].mean())
    if whole < WHOLE or sums_to_one > COMPETE:
        return None
    return (Evidence("rows of targets that sum to 1", f"{sums_to_one:.0%}", healthy="100 %, for outputs that compete"),)


def _advice(output: Output, term: Term) -> str:
    if output.bounded.module in STATES:
        return "put a linear layer behind it, which reads the state"
    op = output.bounded.op.lower()
    if output.scaled is not None:
        return f"multiply with a number that covers the targets, or leave out the {op}"
    if output.bounded.op == "Softmax":
        return "put a sigmoid in its place: one for each output"
    if term.loss.name in DISTANCES:
        return f"leave out the {op}: a regression ends with its linear layer"
    return "scale the targets into the range of the output"


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A sigmoid where a softmax makes outputs compete, a larger factor, else the output as it is."""
    where = finding.where
    yield from _widened(where, signals)
    call = signals.places.call_at(where) if where is not None else None
    if where is None or call is None or called(call) in STATES:
        return
    if called(call) == "Softmax":
        yield Change("give each output a sigmoid", (replace(where, "torch.nn.Sigmoid()"),))
    elif called(call) == "softmax":
        function = ast.unparse(call.func).startswith(("F.", "torch.", "nn.")) or isinstance(call.func, ast.Name)
        code = "torch.sigmoid({0})" if function else "torch.sigmoid({self})"
        yield Change("give each output a sigmoid", (replace(where, code),))
    yield Change("end with the linear layer", (unwrap(where),))


def _widened(where: Where | None, signals: Signals) -> Iterator[Change]:
    """The number that the output is multiplied with made as large as the targets ask for, and the output as it is."""
    for fit, term in ((each, term) for each in signals.fits for term in each.terms):
        output, targets = _output(fit.network, term), term.targets
        if output is None or output.scaled is None or output.scaled.where is None or not targets:
            continue
        number = _limit_place(signals, output.scaled)
        if where not in (number, place_of(output.scaled)):
            continue
        ends = (float(targets.values[:, 2].min()), output.low), (float(targets.values[:, 3].max()), output.high)
        # An end at 0 stays there, whatever it is multiplied with.
        times = max((target / end for target, end in ends if end and np.isfinite(end)), default=1.0)
        factor = factor_of(output.scaled)
        if times > 1 and number is not None and factor is not None:
            yield from valued(signals, number, "limit", "multiply the output with", (ROOM * times * factor,))
        elif times > 1:
            edits = (replace(output.scaled.where, f"{ROOM * times:.6g} * ({{}})"),)
            yield Change("multiply the output with a larger number", edits)
        if (made := place_of(output.bounded)) is not None and signals.places.call_at(made) is not None:
            yield Change("end with the linear layer", (unwrap(made),))
        return

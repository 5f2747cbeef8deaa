"""A softmax, log-softmax or sigmoid stands before a loss that applies one itself.

Why learning fails: cross entropy takes scores z and applies log-softmax to them. Given probabilities `p = softmax(z)`
instead, it sees scores between 0 and 1, so that even a certain and right answer over k classes costs
`ln(1 + (k − 1) / e)`, 1.46 for ten classes, and the gradient that arrives at z is squeezed by the slope of the first
softmax, `∂pᵢ/∂zⱼ = pᵢ (δᵢⱼ − pⱼ)`, at most 1/4 and near 0 once p is far from even. A sigmoid before it does the same.

Measured: the operation that feeds the loss, read from the graph; whatever the loss is, a sigmoid or softmax directly on
another, through which the loss gets all that it gets from the weights, as in a focal loss for scores that is given
shares: weights of attention and gates are no such pair; and sums, means and products of softmaxes, as of a mixture or
an ensemble, given to cross entropy. A log-softmax before cross entropy is no fault: log-softmax of
a log-softmax is itself.

Healthy: raw scores at a loss that normalises (derivation: its formula, see Goodfellow et al., "Deep Learning", 2016,
6.2.2).

Fix: hand the loss the raw scores, `F.cross_entropy(scores, y)` or `F.binary_cross_entropy_with_logits(scores, y)`;
take `scores.softmax(dim=1)` only where probabilities are shown. Mixed shares have no raw scores: give the loss their
logarithm, for the softmax of log p is p.

Ignore it when the squeezed scale is meant, as a penalty on certainty.
"""

from collections.abc import Iterator

from headtorch.changes import replace, unwrap
from headtorch.model import Change, Evidence, Finding
from headtorch.signals import Fit, Network, Signals, factor_of, place_of
from headtorch.store.records import Loss

FAMILY = "the loss and the output"
LEADS_TO = (
    "vanishing-gradients",
    "lr-too-low",
    "saturated-activations",
    "init-too-small",
    "capacity-too-small",
    "dead-relu",
)

_APPLIES = {
    "cross_entropy": ("softmax", {"Softmax", "Sigmoid"}),
    "cross_entropy_soft": ("softmax", {"Softmax", "Sigmoid"}),
    "bce_with_logits": ("sigmoid", {"Softmax", "LogSoftmax", "Sigmoid", "LogSigmoid"}),
}
MIXED = ("cross_entropy", "cross_entropy_soft")
_SHARES = ("Sigmoid", "Softmax")
_AGAIN = ("Sigmoid", "Softmax", "LogSigmoid", "LogSoftmax")


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each loss term whose input was already squashed, and for each softmax that is normalised again."""
    for fit in signals.fits:
        twice = {
            loss.prediction: f"`{loss.name}`, which applies a {_APPLIES[loss.name][0]} itself"
            for loss in fit.objective.losses
            if _squashed(fit, loss)
        }
        for softmax in _normalised_again(fit):
            twice.setdefault(softmax, "`logsumexp`, which applies a softmax itself")
        for loss in fit.objective.losses:
            for inner, outer in _squashed_again(fit.network, loss):
                twice.setdefault(inner, f"another {fit.network.nodes[outer].op.lower()}")
        for number, what in twice.items():
            if number is None:
                continue
            node = fit.network.nodes[number]
            first = node.op.lower()
            yield Finding(
                rule="double-softmax",
                severity="error",
                message=f"a {first} stands before {what}",
                where=place_of(node),
                saw=(
                    Evidence("before the loss", f"{node.op} of {fit.network.name(number)}", healthy="raw scores"),
                    fit.seen_loss,
                ),
                help=f"give the loss the raw scores: leave out the {first} here",
                label=f"this {first}",
                confidence=0.98,
            )
        yield from _mixed(fit)


def _mixed(fit: Fit) -> Iterator[Finding]:
    """A finding for each loss for scores that is given a mixture of shares."""
    for loss in fit.objective.losses:
        if loss.name not in MIXED or loss.prediction is None or loss.node < 0:
            continue
        made = fit.network.nodes[loss.prediction]
        if made.op in _APPLIES[loss.name][1] or not _are_shares(fit.network, loss.prediction):
            continue
        yield Finding(
            rule="double-softmax",
            severity="error",
            message=f"`{loss.name}`, which applies a softmax itself, is given a mixture of softmaxes",
            where=fit.network.nodes[loss.node].where,
            saw=(
                Evidence("before the loss", f"{made.op} of shares, {fit.network.name(loss.prediction)}", "raw scores"),
                fit.seen_loss,
            ),
            help="give the loss the logarithm of the shares, `torch.log(p + 1e-9)`",
            label="this takes shares for scores",
            confidence=0.97,
        )


def _are_shares(network: Network, number: int) -> bool:
    """Whether what comes out of an operation lies between 0 and 1 because it is a softmax, or sums, means and products
    of some."""
    node = network.nodes[number]
    if node.op == "Softmax":
        return True
    mixes = node.op in ("Sum", "Mean", "Stack", "Cat", "Add") or (node.op in ("Mul", "Bmm") and node.weight is None)
    scaled = node.op in ("Mul", "Div") and factor_of(node) is not None
    if not node.inputs or not (scaled or (mixes and not node.outside)):
        return False
    return all(_are_shares(network, each) for each in node.inputs)


def _squashed(fit: Fit, loss: Loss) -> bool:
    if loss.name not in _APPLIES or loss.prediction is None:
        return False
    return fit.network.nodes[loss.prediction].op in _APPLIES[loss.name][1]


def _normalised_again(fit: Fit) -> Iterator[int]:
    """The softmaxes whose shares a log-softmax or a distribution over logits takes for scores."""
    for node in fit.network.nodes:
        if node.op in ("LogSoftmax", "Logsumexp"):
            yield from (number for number in node.inputs if fit.network.nodes[number].op == "Softmax")


def _squashed_again(network: Network, loss: Loss) -> Iterator[tuple[int, int]]:
    """Pairs of a sigmoid or softmax and another that it alone feeds, through which all goes that a loss learns from."""
    for outer, node in enumerate(network.nodes):
        if node.op not in _AGAIN or len(node.inputs) != 1 or node.outside:
            continue
        (inner,) = node.inputs
        if network.nodes[inner].op in _SHARES and _is_all(network, loss, outer):
            yield inner, outer


def _is_all(network: Network, loss: Loss, number: int) -> bool:
    """Whether every way down from a loss meets an operation before it meets a weight."""
    seen: set[int] = {number}
    waiting = [loss.node]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        # What learns and is no node, as a plain parameter, feeds a node without inputs.
        if current < 0 or network.nodes[current].weight is not None or not network.nodes[current].inputs:
            return False
        waiting += network.nodes[current].inputs
    return True


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The scores as they are; of shares that are mixed, their logarithm."""
    if finding.where is None:
        return
    node = signals.places.call_at(finding.where)
    given = {fit.network.nodes[loss.node].where for fit in signals.fits for loss in fit.objective.losses}
    if node is not None and len(node.args) > 1 and finding.where in given:
        prediction = signals.places.where(finding.where.file, node.args[0])
        edits = (replace(prediction, "torch.log({} + 1e-9)"),)
        yield Change("give the loss the logarithm of the shares", edits, alters_loss=True)
    else:
        yield Change("give the loss the raw scores", (unwrap(finding.where),), alters_loss=True)

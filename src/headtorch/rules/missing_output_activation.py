"""The loss expects log-probabilities or probabilities and gets raw scores.

Why learning fails: the negative log-likelihood of a class is `L = −log p_y`. Given a raw score z in place of log p it
is `L = −z_y`, which falls without bound as the score grows: the network learns to make all scores large, and nothing
in the loss makes the classes compete.

Measured: the largest value that `nll_loss` gets, on the looked-at steps, unless the logarithm of the sum over the same
scores stands in the loss too; what `kl_div` multiplies by the targets, read from the graph; the loss of `1 − ratio`
where the graph shows a ratio of sums, as Dice and IoU are, over what comes straight from a linear map.

Healthy: at most 0, since p ≤ 1 makes log p ≤ 0; a ratio of overlap from 0 to 1, since 0 ≤ p ≤ 1 makes p t ≤ p and
p t ≤ t (derivation). Told when half of the looked-at steps lie above 0.001, or a loss of `1 − ratio` leaves 0 to 1 by
as much: rounding lifts a log-probability by about 1e-7, a raw score is of the order of 1.

Fix: use `F.cross_entropy(scores, y)`, which takes raw scores; or give `nll_loss` what it expects,
`F.nll_loss(F.log_softmax(scores, dim=1), y)`; take a Dice ratio of `torch.sigmoid(scores)`.

Ignore it when log-densities of continuous values are meant, which can be above 0.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import called
from headtorch.remedies import source_of
from headtorch.signals import LINEAR, Fit, Network, Signals, factor_of, is_affine, span
from headtorch.store.records import Loss

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
        yield from _overlap(fit)
        predictions = fit.series("prediction")
        loss = fit.loss
        if loss is None or loss.name != "nll" or not predictions or _is_normalised_apart(fit.network, loss):
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


def _is_normalised_apart(network: Network, loss: Loss) -> bool:
    """Whether the logarithm of the sum over the same scores stands in the loss too, as the free energy of a model does:
    -z_y + ln(sum exp z) is the cross entropy."""
    return any(node.op == "Logsumexp" and loss.prediction in node.inputs for node in network.nodes)


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


def _overlap(fit: Fit) -> Iterator[Finding]:
    """A loss of 1 - overlap of raw scores with a mask: where they are below 0, the ratio leaves 0 to 1."""
    network = fit.network
    found = _raw_ratio(network)
    if found is None:
        return
    product, scores = found
    beyond = np.flatnonzero((fit.losses < -ROUNDING) | (fit.losses > 1 + ROUNDING))
    if not len(beyond):
        return
    node = network.nodes[product]
    yield Finding(
        rule="missing-output-activation",
        severity="error",
        message=f"a ratio of overlap gets the output of `{network.name(scores)}` where it expects probabilities",
        where=node.where,
        saw=(
            Evidence(
                "1 - overlap",
                f"{fit.losses[beyond].min():.3g} to {fit.losses[beyond].max():.3g}",
                healthy="within 0 to 1",
                steps=span(fit.series("loss").steps[beyond]),
            ),
            fit.seen_loss,
        ),
        help="put a sigmoid before it, or a softmax over the classes",
        label="expects probabilities",
        confidence=0.97,
    )


def _raw_ratio(network: Network) -> tuple[int, int] | None:
    """The product with a mask and the linear map whose scores it sums, where the loss is 1 - sum(z t) / sum(z ...).

    Squares in the denominator are another loss, which raw scores can meet: 2 z t / (z² + t²) is largest at z = t.
    """
    number, turned = len(network.nodes) - 1, 0
    while number >= 0 and network.nodes[number].op in ("Rsub", "Mean") and len(network.nodes[number].inputs) == 1:
        turned += network.nodes[number].op == "Rsub"
        number = network.nodes[number].inputs[0]
    if number < 0 or turned != 1 or network.nodes[number].op != "Div" or len(network.nodes[number].inputs) != 2:
        return None
    above, below = (_summed(network, number) for number in network.nodes[number].inputs)
    if above is None or below is None or above[1] != below[1]:
        return None
    product, scores = above
    return None if product is None else (product, scores)


def _summed(network: Network, number: int) -> tuple[int | None, int] | None:
    """The one linear map that a sum is affine in, and its product with data from outside if there is one."""
    product, scores, summed = None, set[int](), False
    waiting = [number]
    while waiting:
        current = waiting.pop()
        node = network.nodes[current]
        if node.op in LINEAR and node.weight is not None:
            scores.add(current)
            continue
        if not node.inputs or not is_affine(node):
            return None
        summed |= node.op in ("Sum", "Mean")
        if node.op == "Mul" and factor_of(node) is None and network.nodes[node.inputs[0]].op in LINEAR:
            product = current
        waiting += node.inputs
    return (product, scores.pop()) if summed and len(scores) == 1 else None


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The loss that takes raw scores, or the logarithms of shares that a divergence takes."""
    where = finding.where
    for fit in signals.fits:
        found = _raw_ratio(fit.network)
        if found is not None and fit.network.nodes[found[0]].where == where:
            made = fit.network.nodes[found[1]].where
            if made is not None:
                edits = (replace(made, "torch.sigmoid({})"),)
                yield Change("give the ratio probabilities", edits, alters_loss=True)
            return
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

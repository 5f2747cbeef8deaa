"""The loss does not fit the task or the form of the targets.

Why learning fails: cross entropy compares the classes of one example with each other, `L = −z_y + ln Σₖ exp(zₖ)`.
Over a single output the sum has one term: the loss is exactly 0 whatever the network says, and so is its gradient.
Binary cross entropy, `−y·ln p − (1 − y)·ln(1 − p)`, has no minimum for y outside [0, 1]: it falls without end; and
where no y comes near 1, no is the best answer for all. A margin loss, `ln(1 + exp(−y·z))`, asks for y = ±1: at 0 it
is ln 2 whatever z is. So do losses of pairs: for y = 0 `cosine_embedding_loss` is 0, and with nothing pushed apart,
one point for all is the best answer. In a variational autoencoder `−ln p(x|z)` is a sum over the numbers of x: as
their mean, it is drowned by the divergence. A distance to class numbers says that class 2 lies between 1 and 3.

Measured: the shape of the scores at the cross entropy, and the smallest and largest target of the other losses; the
class that a loss ignores, how many labels are of it, and how many tokens are padding; whether the blank of a CTC loss
is among its symbols; whether a multi-label margin gets marks of 0 and 1; where several numbers an example are compared,
whether the source begins their targets with zeros and sets the chosen one only; of losses of pairs
(`cosine_embedding_loss`, `margin_ranking_loss`, `hinge_embedding_loss`) where all that is compared learns; how many
outputs a squared error compares with whole numbers, while it stays high or the script counts how often the rounded
output is equal; of a loss with a divergence, how far the answers still differ from example to example; and of a loss
that takes logarithms, as `PoissonNLLLoss` does unless it is told otherwise, whether what it gets was made positive.

Healthy: two classes or more; targets in [0, 1] for binary cross entropy, −1 and 1 for a margin and for pairs, shares
that sum to 1 for a divergence (derivation from the formulas). A warning for a ranking, where pairs of 1 may be
enough.

Fix: `nn.BCEWithLogitsLoss()` for one yes or no, `nn.CrossEntropyLoss()` with class numbers for one class of several,
`nn.BCEWithLogitsLoss()` with one output for each label where several can be true.

Ignore it when the loss is a placeholder that is meant to be 0, with one class until others are added; or when the
class numbers are an order, such as grades.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from headtorch.changes import replace, set_argument
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.rounded import rounded_and_equal
from headtorch.places.slips import zeros_elsewhere
from headtorch.places.trees import called
from headtorch.remedies import source_of
from headtorch.signals import Fit, Signals
from headtorch.slip import Slip, slipped
from headtorch.store.records import DISTANCES, YES_OR_NO, Loss, Node

FAMILY = "the loss and the output"
LEADS_TO = (
    "lr-too-low",
    "vanishing-gradients",
    "capacity-too-small",
    "dead-relu",
    "zero-or-constant-init",
)

CLASSES = (3, 100)  # whole numbers that may be classes: two fit a yes or no, more are counts
HIGH = 0.5  # of the way from the mean to a perfect fit: above, whole numbers were a fair aim
POSITIVE = ("Softplus", "Exp", "Relu")
PAIRS_OF_0 = {
    "cosine_embedding_loss": "give a loss of 0",
    "margin_ranking_loss": "give a constant loss",  # the margin; y = 1 for the better of two still ranks them
    "hinge_embedding_loss": "are not pushed apart",  # within the margin the loss is constant, beyond it they are pulled
}
COLLAPSED = 0.2  # of the targets' spread: answers that explain 4 % of their variance at most
FAINT = 0.1  # no target of any batch is more likely than that: a mask of 1 over 255 is 0.004
IGNORED = 0.1  # of the labels, beyond the padding: a class among ten is as frequent
MASKED = 0.7  # of the labels beside padding: a masked language model asks for 15 %, and ignores the others on purpose
ENOUGH = 100  # steps, before a distance that is still high says anything

ROUND = 0.05  # of an example: its share of whole numbers is a sum of float32
OTHERS_ARE_ZERO = Slip(
    zeros_elsewhere,
    "the target is 0 for each output but the chosen one: the others are taught that they are worth nothing",
    ("target of the outputs that were not chosen", "0", "what the network says of them, or none"),
    help="compare the chosen outputs alone, `q.gather(1, actions)`, or begin with the network's own answers",
    label="begins with zeros",
    confidence=0.9,
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each cross entropy over a single class, and each loss whose targets it is not made for."""
    if any(map(_regresses_several, signals.fits)):
        yield from slipped("loss-target-mismatch", signals, OTHERS_ARE_ZERO)
    for fit in signals.fits:
        if (finding := _targets_do_not_fit(signals, fit) or _pairs_do_not_fit(signals, fit)) is not None:
            yield finding
        for found in (
            _ignores_a_class(signals, fit),
            _blank_is_a_symbol(signals, fit),
            _drowned_by_divergence(fit),
            _rate_for_its_logarithm(signals, fit),
            _marks_for_numbers(signals, fit),
        ):
            if found is not None:
                yield found
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


def _marks_for_numbers(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where a multi-label margin, which wants the numbers of the true classes and -1 behind them, is given a
    mark of 0 or 1 for each class."""
    loss, target = fit.loss, fit.series("target")
    shape = loss.prediction_shape if loss is not None else None
    if loss is None or loss.name != "multilabel_margin" or shape is None or shape[-1] <= 2 or not target:
        return None
    low, high = float(target.values[:, 2].min()), float(target.values[:, 3].max())
    if not 0 <= low <= high <= 1:
        return None
    return Finding(
        rule="loss-target-mismatch",
        severity="error",
        message=f"the loss wants the numbers of the true classes, and gets marks of 0 and 1 for {shape[-1]} classes",
        where=signals.criterion_place(fit) or fit.objective.backward_at,
        saw=(Evidence("targets", "0 and 1", healthy=f"0 to {shape[-1] - 1}, then -1"), fit.seen_loss),
        help="use `MultiLabelSoftMarginLoss` or `BCEWithLogitsLoss`, which take a mark for each class",
        label="takes marks for numbers",
        confidence=0.96,
    )


def _regresses_several(fit: Fit) -> bool:
    """Whether a distance is taken between several outputs an example and as many targets, of which all but one are
    whole numbers, as zeros are."""
    loss, target = fit.loss, fit.series("target")
    shape = loss.prediction_shape if loss is not None else None
    if loss is None or loss.name not in DISTANCES or shape is None or len(shape) != 2 or shape[1] < 2 or not target:
        return False
    return float(target.values[:, 5].min()) > 1 - (1 + ROUND) / shape[1]


def _ignores_a_class(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where the class number that stands for padding is that of a class: more labels are ignored than the
    sequences have padding."""
    loss, counts, padding = fit.loss, fit.series("class_count"), fit.series("padding")
    if loss is None or loss.ignored is None or not counts or not padding or loss.ignored >= counts.values.shape[1]:
        return None
    share = float(counts.values[:, loss.ignored].sum() / max(counts.values.sum(), 1))
    padded = float(np.nanmax(np.nanmean(padding.values, axis=0))) if np.isfinite(padding.values).any() else share
    one = fit.examples / max(math.prod(loss.target_shape or ()), 1)  # the first step of padding repeats nothing
    if share - padded - one < IGNORED or share - padded > MASKED * (1 - padded):
        return None
    return Finding(
        rule="loss-target-mismatch",
        severity="warning",
        message=f"class {loss.ignored} is never learned: it is the number that the loss ignores as padding",
        where=fit.network.nodes[loss.node].where if loss.node >= 0 else None,
        saw=(
            Evidence("labels that are ignored", f"{share:.0%}"),
            Evidence("tokens that are padding", f"{padded:.0%}", healthy="as many"),
            fit.seen_loss,
        ),
        help="pad the labels with a number that is no class, -100",
        label="ignores a class",
        confidence=0.93,
    )


def _blank_is_a_symbol(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where the number that a CTC loss takes for the blank stands among the symbols to be written."""
    loss, counts = fit.loss, fit.series("class_count")
    in_a_row = loss is not None and len(loss.target_shape or ()) == 1  # those of a table may be its padding
    if loss is None or loss.name != "ctc" or not in_a_row or loss.ignored is None or not counts:
        return None
    if loss.ignored >= counts.values.shape[1]:
        return None
    share = float(counts.values[:, loss.ignored].sum() / max(counts.values.sum(), 1))
    if not share > 0:
        return None
    return Finding(
        rule="loss-target-mismatch",
        severity="error",
        message=f"the loss takes {loss.ignored} for the blank, and {share:.0%} of the symbols to be written are that",
        where=signals.criterion_place(fit) or (fit.network.nodes[loss.node].where if loss.node >= 0 else None),
        saw=(Evidence(f"symbols of number {loss.ignored}", f"{share:.0%}", healthy="0 %"), fit.seen_loss),
        help="tell the loss the number of the blank, `nn.CTCLoss(blank=...)`, or number the symbols from 1 on",
        label="takes a symbol for the blank",
        confidence=0.96,
    )


def _drowned_by_divergence(fit: Fit) -> Finding | None:
    """A finding where the answers of an autoencoder do not depend on what it is given, and its loss is a mean over all
    numbers of an example beside a divergence that is summed over the latent ones."""
    loss, nodes = fit.loss, fit.network.nodes
    predictions, targets = fit.series("prediction"), fit.series("target")
    shape = loss.target_shape or loss.prediction_shape if loss is not None else None
    if loss is None or loss.name not in (*DISTANCES, "bce") or loss.reduction != "mean" or not shape or len(shape) < 2:
        return None
    if not predictions or not targets:
        return None
    answers, aims = (float(np.median(s.values[-3:, column])) for s, column in ((predictions, 5), (targets, 7)))
    left = answers / max(aims, 1e-12)
    summed = any(
        term.name == "unknown" and _sums_exponentials(nodes, term.node) for term in fit.objective.losses if term != loss
    )
    if left > COLLAPSED or not summed:
        return None
    return Finding(
        rule="loss-target-mismatch",
        severity="error",
        message=f"the reconstruction counts 1 / {math.prod(shape[1:])} of what it should beside the divergence, "
        "and the answers no longer depend on the input",
        where=nodes[loss.node].where if loss.node >= 0 else None,
        saw=(
            Evidence("spread of the answers over that of the targets", left, healthy="above 0.5"),
            Evidence("reduction of the reconstruction", "mean of all", healthy="sum of each example's"),
            fit.seen_loss,
        ),
        help="sum the reconstruction over the numbers of an example, as the divergence is, and average both over "
        "the batch",
        label="a mean over all numbers",
        confidence=0.93,
    )


def _rate_for_its_logarithm(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where a loss takes what is made positive, as a rate of events, for the logarithm of one: a rate below 1
    can't be said."""
    nodes = fit.network.nodes
    for node in nodes:
        made = nodes[node.inputs[0]] if node.op == "Exp" and len(node.inputs) == 1 else None
        call = signals.places.call_at(node.where) if node.where is not None else None
        is_loss = "Loss" in node.module or (call is not None and called(call) == "poisson_nll_loss")
        if made is None or made.op not in POSITIVE or not is_loss:
            continue
        return Finding(
            rule="loss-target-mismatch",
            severity="error",
            message=f"the loss takes the output of a {made.op.lower()} for a logarithm: no rate below 1 can be said",
            where=node.made_at or node.where,
            saw=(Evidence("smallest rate", "exp(0) = 1", healthy="0"), fit.seen_loss),
            help=f"tell the loss that it is given rates, `log_input=False`, or leave out the {made.op.lower()}",
            label="applies exp to it",
            confidence=0.95,
        )
    return None


def _sums_exponentials(nodes: Sequence[Node], term: int) -> bool:
    """Whether a term sums something over the last dimension that an exponential stands in, as the divergence of a
    normal distribution from the standard one does with its variance."""
    if term < 0 or not any(nodes[each].op == "Exp" for each in (term, *nodes[term].inputs)):
        return False
    summed, last = nodes[term].shape or (), term
    for number, node in enumerate(nodes):
        if last in node.inputs:
            if node.op == "Sum" and len(summed) > 1 and node.shape in (summed[:-1], (*summed[:-1], 1), ()):
                return True
            summed, last = node.shape or (), number
    return False


def _targets_do_not_fit(signals: Signals, fit: Fit) -> Finding | None:
    loss, target = fit.loss, fit.series("target")
    if loss is None or not target:
        return None
    smallest, largest = float(np.nanmin(target.values[:, 2])), float(np.nanmax(target.values[:, 3]))
    whole, sums_to_one = (float(np.nanmin(target.values[:, column])) for column in (5, 6))
    seen, place = f"{smallest:.3g} to {largest:.3g}", None
    if loss.name in YES_OR_NO and (smallest < 0 or largest > 1):
        message = f"binary cross entropy gets targets from {seen}, for which it has no minimum"
        healthy, confidence = "0 to 1", 0.97
        advice = "give it targets between 0 and 1; `CrossEntropyLoss` takes class numbers, `MSELoss` any number"
    elif loss.name in YES_OR_NO and smallest == 0 < largest < FAINT:
        message = f"binary cross entropy gets targets from {seen}: none of them says yes"
        healthy, confidence, place = "0 to 1", 0.93, signals.target_place(fit, loss)
        advice = "let a yes be 1: masks and labels are not to be scaled as images are"
    elif loss.name == "soft_margin" and (smallest, whole) == (0.0, 1.0):
        message = f"a margin loss gets targets from {seen}: those of 0 teach nothing"
        healthy, confidence = "-1 or 1", 0.96
        advice = "map the targets to -1 and 1, `2 * y - 1`, or use `BCEWithLogitsLoss`"
    elif loss.name == "kl_div" and sums_to_one == 0 and (largest > 1 or smallest < 0 < largest):
        message = f"a divergence between distributions gets targets from {seen}"
        healthy, confidence = "shares that sum to 1", 0.95
        advice = "put `softmax` over the targets, or pass `log_target=True` for their logarithms"
    elif loss.name in DISTANCES and _may_be_classes(fit, smallest, largest, whole):
        counted = any(rounded_and_equal(signals.places, file) for file in signals.run.sources)
        if not counted and not fit.gain < HIGH:
            return None
        message = f"a distance compares one output with the class numbers {smallest:.0f} to {largest:.0f}"
        healthy, confidence = "an amount, or an order", 0.85 if counted else 0.6
        advice = "give the network one output for each class, and use `CrossEntropyLoss`"
    else:
        return None
    return Finding(
        rule="loss-target-mismatch",
        severity="warning" if loss.name in DISTANCES else "error",
        message=message,
        where=place or signals.criterion_place(fit) or (fit.network.nodes[loss.node].where if loss.node >= 0 else None),
        saw=(Evidence("targets", seen, healthy=healthy), fit.seen_loss),
        help=advice,
        label="does not fit these targets",
        confidence=confidence,
    )


def _pairs_do_not_fit(signals: Signals, fit: Fit) -> Finding | None:
    told = [event.value for event in signals.run.events("pair_loss") if event.value["objective"] == fit.objective.id]
    targets = fit.series("pair_target").values
    # Of several losses one cannot tell whose targets these are. A -1 beside 0 and 1 says that 0 is meant: a tie.
    if len(told) != 1 or not (targets[:, 5] == 1).all() or targets[:, 2].min() != 0:
        return None
    name, largest = told[0]["loss"], int(targets[:, 3].max())
    seen = "0" if largest == 0 else f"0 and {largest}" if largest == 1 else f"0 to {largest}"
    ranks = name == "margin_ranking_loss" and largest > 0
    return Finding(
        rule="loss-target-mismatch",
        severity="warning" if ranks else "error",
        message=f"`{name}` gets targets of {seen}, not of -1 and 1: those of 0 {PAIRS_OF_0[name]}",
        where=next((Where(**where) for where in told[0]["where"]), None),
        saw=(Evidence("targets", seen, healthy="-1 and 1"), fit.seen_loss),
        help="map the targets to -1 and 1, `2 * y - 1`",
        label="does not fit these targets",
        confidence=0.6 if ranks else 0.96,
    )


def _may_be_classes(fit: Fit, smallest: float, largest: float, whole: float) -> bool:
    shape = fit.loss.prediction_shape if fit.loss else None
    outputs = shape[1] if shape is not None and len(shape) == 2 else 1
    return (
        whole == 1.0
        and smallest in (0.0, 1.0)
        and CLASSES[0] <= largest - smallest + 1 <= CLASSES[1]
        and outputs == 1
        and fit.steps >= ENOUGH
    )


def _scores_shape(fit: Fit, loss: Loss) -> tuple[int, ...] | None:
    for number in (loss.node, *fit.network.before(loss.node)) if loss.node >= 0 else ():
        node = fit.network.nodes[number]
        if node.op == "LogSoftmax" and node.shape is not None and len(node.shape) >= 2:
            return node.shape
    return None


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The loss for one output that says yes or no."""
    where = finding.where
    call = signals.places.call_at(where) if where is not None else None
    if where is None or call is None:
        return
    for fit in signals.fits:
        drowned = _drowned_by_divergence(fit)
        if drowned is not None and drowned.where == where and fit.loss is not None:
            numbers = math.prod((fit.loss.target_shape or fit.loss.prediction_shape or ())[1:])
            edits = (replace(where, f"{numbers} * {{}}"),)
            yield Change("sum over the numbers of an example", edits, alters_loss=True)
            return
    if called(call) in ("PoissonNLLLoss", "poisson_nll_loss"):
        edits = (set_argument(where, "log_input", "False"),)
        yield Change("tell the loss that it is given rates", edits, alters_loss=True)
        return
    if called(call) in ("CrossEntropyLoss", "SoftMarginLoss"):
        code = "torch.nn.BCEWithLogitsLoss()"
    elif called(call) in ("cross_entropy", "soft_margin_loss") and len(call.args) > 1:
        code = f"torch.nn.functional.binary_cross_entropy_with_logits({{0}}, {source_of(signals, where, call.args[1])})"
    else:
        return
    yield Change("use the loss of a yes or no", (replace(where, code),), alters_loss=True)

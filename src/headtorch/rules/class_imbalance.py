"""One class dominates and the model predicts it.

Why it fails: when 95 in 100 examples are of one class, always saying so is 95 % right, and costs `H = −Σₖ pₖ ln pₖ`,
0.20 in place of the 0.69 of two even classes: nearly the smallest loss that is easy to find. The rare class, often
the one that matters, adds its share pₖ to the gradient, and no more.

Measured: the shares of the classes over the looked-at batches, whether the loss weighs them, or the script the loss of
each example, and how many of the answers are right. A `pos_weight` that halves what a rare answer counts, or worse, is
an error: it is upside down.

Healthy: near that of the others, or weighted (He & Garcia, 2009). Told when the rarest of 2 to 20 classes has less
than 7 % of the most frequent one's share: of two classes, the constant answer is then right 93 times in 100
(derivation). Of more, the most frequent must be more than all others together, or the constant answer tempts nobody.
Not told where so many answers are right that at least 0.3 of the rarest class must be among them, nor where the loss of
more than two classes is lower than that of an answer which can't tell the rarest from another one, nor where the first
loss is that of the shares, or the first answers say the rare class about as often as it comes: an output whose bias is
set by them (Lin et al., 2017) was made by someone who knows them.

Fix: weigh the classes inversely to their share, `nn.CrossEntropyLoss(weight=1 / share)`; sample rare examples more
often, `WeightedRandomSampler(weight_of_each_example, len(y))`; judge by recall and not by accuracy.

Ignore it when the shares are those of the world and calibrated probabilities are wanted.
"""

import math
from collections.abc import Iterator

import numpy as np

from headtorch.changes import set_argument
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.trees import called
from headtorch.signals import Fit, Signals
from headtorch.store.records import YES_OR_NO

FAMILY = "the data"
LEADS_TO = ()
TEMPTS = 0.5  # of the examples: the constant answer is right more often than wrong
RARE = 0.07  # of the share of the most frequent class: of two, the constant answer is then 1 / 1.07 = 93 % right
LEARNED = 0.9  # of the way from chance to 0: the rare class too, or the loss would be higher
BETTER = 0.3  # of the rarest class is told, if all others are: fewer answers are right where it is hardly told at all
AWARE = 1.2  # times the loss of the shares: at the rarity above, a start from even shares costs 2.8 times it or more
NEAR = 2.0  # times the rare share: at the rarity above, a start from even shares tells it seven times as often
TURNED = 1.5  # times: weights so much smaller are no rounding, and no even weighing either
FEW = 0.3  # of the answers: nearer to a half, what a weight is for may be a matter of costs
RECENT = 20  # looked-at batches: few of them hold a rare answer at all
MANY = 20  # classes: of more, as of words, some are rare by nature


CALLS_FOR_CLASSES = ("CrossEntropyLoss", "NLLLoss", "cross_entropy", "nll_loss")
CALLS_FOR_YES_OR_NO = ("BCEWithLogitsLoss", "binary_cross_entropy_with_logits")


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each unweighted classification with a rare class."""
    for fit in signals.fits:
        if (finding := _weighed_down(signals, fit) or _weights_turned(signals, fit)) is not None:
            yield finding
            continue
        shares = _shares(fit)
        if shares is None or fit.loss is None or fit.loss.weighted or not 2 <= len(shares) <= MANY:
            continue
        if _weighed_by_hand(fit):
            continue
        if shares.min() > RARE * shares.max() or shares.max() <= TEMPTS or fit.gain > LEARNED:
            continue
        if _starts_from_the_shares(fit):
            continue
        if len(shares) > 2 and fit.last_loss < fit.scale * _merged(shares):
            continue
        if not _right(fit) < 1 - (1 - BETTER) * shares.min():
            continue
        yield Finding(
            rule="class-imbalance",
            severity="warning",
            message=f"the rarest class is {shares.min():.1%} of the examples, the most frequent {shares.max():.0%}",
            where=signals.criterion_place(fit) or _weight_place(signals, fit) or signals.target_place(fit),
            saw=(
                Evidence(
                    "share of the rarest class", f"{shares.min():.1%}", healthy="near that of the others, or weighted"
                ),
                fit.seen_loss,
            ),
            help="weigh the classes in the loss inversely to their share, and judge by recall",
            label="weighs every example alike",
            confidence=0.7,
        )


def _starts_from_the_shares(fit: Fit) -> bool:
    """Whether the last bias was set to what the shares of the classes ask for, as Lin et al. (2017) do."""
    target, answers = fit.series("target"), fit.series("prediction")
    if fit.loss is not None and fit.loss.name == "bce_with_logits" and target and answers:
        yes, said = float(np.nanmean(target.values[:, 0])), 1 / (1 + math.exp(-float(answers.values[0, 0])))
        rare, told = (yes, said) if yes < TEMPTS else (1 - yes, 1 - said)
        if told < NEAR * rare:
            return True
    return fit.chance is not None and fit.first_loss < AWARE * fit.chance


def _weighed_by_hand(fit: Fit) -> bool:
    """Whether the loss of each example is multiplied with a number of its own, as a weight or a mask."""
    loss, nodes = fit.loss, fit.network.nodes
    return loss is not None and any(
        node.op == "Mul" and node.outside and loss.node in node.inputs and node.shape != () for node in nodes
    )


def _weighed_down(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where the weight of a yes makes what is rare count even less."""
    target, loss = fit.series("target"), fit.loss
    if loss is None or loss.pos_weight is None or not target or float(np.nanmin(target.values[:, 5])) < 1:
        return None
    share = float(np.nanmean(target.values[:, 0]))
    weighed = share * loss.pos_weight / (share * loss.pos_weight + 1 - share)
    rare = min(share, 1 - share)
    if not 0 < rare < FEW or not min(weighed, 1 - weighed) < rare / 2 or (weighed < TEMPTS) != (share < TEMPTS):
        return None
    return Finding(
        rule="class-imbalance",
        severity="error",
        message=f"the rarer answer is {rare:.1%} of all, and counts as {min(weighed, 1 - weighed):.2%} by `pos_weight`",
        where=signals.criterion_place(fit) or _weight_place(signals, fit),
        saw=(
            Evidence("weight of a yes beside a no", loss.pos_weight, healthy=f"up to {(1 - share) / share:.3g}"),
            fit.seen_loss,
        ),
        help="turn the ratio around: `pos_weight` is the number of noes for each yes",
        label="weighs the rare answer down",
        confidence=0.9,
    )


def _weights_turned(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where the weights of the classes grow with how frequent they are."""
    counts, weights = fit.series("class_count"), np.array(fit.loss.class_weights if fit.loss is not None else ())
    if not counts or len(weights) < 2 or counts.values.shape[1] < len(weights) or not (weights >= 0).all():
        return None
    shares = counts.values.sum(axis=0)[: len(weights)] / max(counts.values.sum(), 1)
    rarest, commonest = int(shares.argmin()), int(shares.argmax())
    if not 0 < shares[rarest] < FEW * shares[commonest] or not weights[rarest] < weights[commonest] / TURNED:
        return None
    return Finding(
        rule="class-imbalance",
        severity="error",
        message=f"the rarest class is {shares[rarest]:.1%} of the examples, and weighs {weights[rarest]:.3g}; "
        f"the most frequent one weighs {weights[commonest]:.3g}",
        where=_weight_place(signals, fit) or signals.criterion_place(fit),
        saw=(
            Evidence("weight of the rarest class", float(weights[rarest]), healthy="above that of the most frequent"),
            fit.seen_loss,
        ),
        help="turn the weights around: they are to be larger where a class is rarer",
        label="weighs the rare class down",
        confidence=0.92,
    )


def _merged(shares: np.ndarray) -> float:
    """The least loss of an answer that is certain and right of all other classes, but can't tell the rarest from one of
    them."""
    rare, others = shares.min(), np.delete(shares, shares.argmin())
    both = rare + others
    return float((both * np.log(both) - rare * np.log(rare) - others * np.log(others)).min())


def _weight_place(signals: Signals, fit: Fit) -> Where | None:
    """Where a functional loss is called, or the weight is written that it is given."""
    node = fit.network.nodes[fit.loss.node] if fit.loss is not None and fit.loss.node >= 0 else None
    if node is None or node.where is None:
        return None
    call = signals.places.call_at(node.where)
    given = next((k.arg for k in call.keywords if k.arg in ("pos_weight", "weight")), None) if call else None
    return signals.places.argument((node.where,), given) if given else node.where


def _shares(fit: Fit) -> np.ndarray | None:
    """The share of each class that was seen among the targets, of a yes and a no too."""
    counts, target = fit.series("class_count"), fit.series("target")
    if counts and counts.values.shape[1] > 1 and not np.isnan(counts.values).any():
        totals = counts.values.sum(axis=0)
        return np.asarray(totals[totals > 0] / max(totals.sum(), 1))
    if fit.loss is None or fit.loss.name not in YES_OR_NO or not target:
        return None
    yes, whole = float(np.nanmean(target.values[:, 0])), float(np.nanmin(target.values[:, 5]))
    shares = np.array([yes, 1 - yes])
    return shares if whole == 1.0 and shares.min() > 0 else None


def _right(fit: Fit) -> float:
    """The share of the answers that are right in the end; NaN where it was not seen."""
    return float(np.nanmean(fit.series("measure").column()[-RECENT:])) if fit.series("measure") else np.nan


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Each class weighted by the inverse of its share."""
    fit, place = signals.longest, finding.where
    call = signals.places.call_at(place) if place is not None else None
    if call is None or "loss" not in called(call).lower():  # a functional loss is not made anywhere
        node = fit.network.nodes[fit.loss.node] if fit.loss is not None and fit.loss.node >= 0 else None
        place = node.where if node is not None else None
        call = signals.places.call_at(place) if place is not None else None
    if place is None or call is None:
        return
    counts, target = fit.series("class_count"), fit.series("target")
    shape = fit.loss.prediction_shape if fit.loss is not None else None
    if called(call) in CALLS_FOR_CLASSES and counts and shape is not None and len(shape) > 1:
        sums = counts.values.sum(axis=0)[: shape[1]]
        weights = sums.sum() / (np.count_nonzero(sums) * np.maximum(sums, 1))
        code = f"torch.tensor([{', '.join(map(_three_digits, weights))}])"
        edits = (set_argument(place, "weight", code),)
        yield Change("weight the classes by the inverse of their shares", edits, alters_loss=True)
    elif called(call) in CALLS_FOR_YES_OR_NO and target and (yes := float(np.nanmean(target.values[:, 0]))) > 0:
        edits = (set_argument(place, "pos_weight", f"torch.tensor({_three_digits((1 - yes) / yes)})"),)
        yield Change("weight yes and no by the inverse of their shares", edits, alters_loss=True)


def _three_digits(weight: float) -> str:
    """A weight as a tensor of weights wants it: with a point, for whole numbers are of another type."""
    return str(float(f"{weight:.3g}"))

"""Batches follow the order of the classes.

Why learning fails: the gradient of a batch is to stand for that of all data, `E[g_batch] = g`, which holds for
batches drawn at random. A batch of one class says: always answer this class; the next batch says another, and the
network follows whichever it saw last.

Measured: the entropy of the classes within a batch, `−Σₖ pₖ ln pₖ`, beside that over all batches looked at.
For numbers, the share of the targets' variance that lies between batches, and whether each batch's mean follows the
last one's.

Healthy: close to each other (LeCun et al., 1998, and Bengio, 2012, ask for examples in random order); measured over
the 80 of 119 healthy trainings with classes, at least 0.86 of it. Told at half. Of numbers drawn by lot, 1 / size
of the variance lies between batches (derivation); told at half.

Fix: `DataLoader(data, batch_size=32, shuffle=True)`, or a new `torch.randperm(len(x))` each epoch. An
`IterableDataset` must do it itself: files read by turns, and a buffer of many examples from which each is drawn.

Ignore it when a batch is one unit by nature, as one patient or one game, and is accumulated with others before a
step.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace, set_argument
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import called
from headtorch.remedies import shuffled
from headtorch.signals import Fit, Signals

FAMILY = "the data"
LEADS_TO = (
    "preprocessing-mismatch",
    "leakage-or-bad-validation",
    "dead-relu",
    "lr-too-high",
    "overfitting",
    "constant-or-duplicate-batch",
    "saturated-activations",
    "vanishing-gradients",
    "capacity-too-small",
)
SORTED = 0.5  # of the entropy of all batches: no healthy training of 80 is below 0.86. Of the variance of numbers, of
# which batches drawn by lot have 1 / size between them, and of the correlation of one batch's mean with the next, 0
CLASSES = "entropy of the classes in a batch"
ENOUGH = 10  # looked-at batches: fewer could be one odd stretch of the data
UNKNOWN = 0.5  # of the evaluated examples: fewer may be new classes that are looked at on purpose
SMALL = 8  # examples, or half the classes: smaller batches can't hold the classes in their shares
ONE_CLASS = 0.1  # entropy: 98 % of one class has as little, in whatever order


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose batches hold few of its classes, or a narrow stretch of its numbers."""
    for fit in signals.fits:
        if (apart := _classes_apart(signals, fit)) is not None:
            yield apart
            continue
        if (seen := _classes_in_order(fit) or _numbers_in_order(fit)) is None:
            continue
        message, evidence = seen
        where = signals.loader_place() or signals.order_place(fit) or fit.objective.backward_at
        stream = where is not None and signals.places.reads_a_stream(where)
        yield Finding(
            rule="data-not-shuffled",
            severity="error" if evidence.quantity == CLASSES else "warning",
            message=message,
            where=where,
            saw=(evidence, fit.seen_loss),
            help="read several files by turns, in a new order each epoch, or draw each example from a buffer of many"
            if stream
            else "shuffle the training data: `shuffle=True`, or a new permutation each epoch",
            label="gives the examples in order",
            confidence=0.94 if evidence.quantity == CLASSES else 0.9,
        )


def _classes_apart(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where most of what is evaluated is of classes that the training never shows: the split cut sorted
    examples."""
    trained, held = fit.series("class_count"), fit.series("eval_class_count")
    if not trained or not held or not trained.values.shape[1] == held.values.shape[1] > 1:
        return None
    never = trained.values.sum(axis=0) == 0
    counts = held.values.sum(axis=0)
    share = float(counts[never].sum() / max(counts.sum(), 1))
    if not share > UNKNOWN or len(trained.steps) < ENOUGH:
        return None
    return Finding(
        rule="data-not-shuffled",
        severity="error",
        message=f"{share:.0%} of what is evaluated is of classes that the training never shows",
        where=signals.split_place() or signals.evaluated_data_place() or fit.objective.backward_at,
        saw=(Evidence("evaluated examples of unknown classes", f"{share:.0%}", healthy="0 %"), fit.seen_loss),
        help="shuffle the examples before they are split, or split each class",
        label="cuts the examples where their classes change",
        confidence=0.95,
    )


def _classes_in_order(fit: Fit) -> tuple[str, Evidence] | None:
    counts = fit.series("class_count")
    if not counts or counts.values.shape[1] < 2 or np.isnan(counts.values).any():
        return None
    batches = fit.in_each_step(counts)  # several may be added up before anything moves
    if len(batches) < ENOUGH:
        return None
    sizes = batches.sum(axis=1)
    classes = int((batches.sum(axis=0) > 0).sum())
    within = float(np.median([_entropy(row) for row in batches]))
    over_all = _entropy(batches.sum(axis=0))
    if classes < 2 or float(np.median(sizes)) < max(SMALL, classes / 2):
        return None
    if over_all <= ONE_CLASS or within > SORTED * over_all:
        return None
    return (
        f"a batch holds {np.exp(within):.2g} of the {classes} classes: the data comes in order",
        Evidence(CLASSES, within, healthy=f"about {over_all:.2g}, that of all batches"),
    )


def _makes_its_targets(fit: Fit) -> bool:
    """Whether a network runs without gradients at each step, as one does that tells the worth of a next state: what
    follows from it drifts from batch to batch by itself."""
    evaluations = np.unique(fit.series("eval_input").steps)
    return len(evaluations) >= ENOUGH and bool(np.diff(evaluations[:ENOUGH]).max() <= 1)


def _numbers_in_order(fit: Fit) -> tuple[str, Evidence] | None:
    """One number, or a yes or no, for each example: how its batches' means spread, and follow each other."""
    target, shape = fit.series("target"), fit.loss.target_shape if fit.loss else None
    if not target or shape is None or shape[0] < SMALL or np.prod(shape) != shape[0] or _makes_its_targets(fit):
        return None
    together = target.steps < target.steps[0] + len(target.steps)  # the steps that were looked at one after another
    rows = target.values[together & np.isfinite(target.values).all(axis=1)]
    if len(rows) < ENOUGH:
        return None
    means, inside = rows[:, 0].astype(float), float(np.mean(rows[:, 1].astype(float) ** 2))
    between = float(np.var(means))
    centred = means - means.mean()
    following = float((centred[1:] * centred[:-1]).sum() / max((centred**2).sum(), 1e-30))
    share = between / max(between + inside, 1e-30)
    if share < SORTED or following < SORTED:
        return None
    return (
        f"{share:.0%} of the targets' variance lies between the batches: the data comes in order",
        Evidence("variance between batches", f"{share:.0%}", healthy=f"about {1 / shape[0]:.0%}"),
    )


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum())


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Shuffling loaders, or a random order of the indices."""
    where = finding.where
    if where is None:
        return
    call = signals.places.call_at(where)
    if call is not None and called(call) == "DataLoader" and not signals.places.reads_a_stream(where):
        yield Change("shuffle the training data", (set_argument(where, "shuffle", "True"),))
    for call, place in signals.places.calls(where.file, "arange"):
        if len(call.args) == 1:
            yield Change("go through the examples in random order", (replace(place, "torch.randperm({0})"),))
    yield from shuffled(signals, signals.longest)

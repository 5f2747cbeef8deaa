"""Inputs and labels do not belong together.

Why learning fails: a network can only learn what the labels say, `p(y | x)`. When all are the same, it learns to say
that; when they were shuffled apart from their inputs, `p(y | x) = p(y)`, and it can do no more than learn each
example by heart.

Measured: how many different labels the batches hold; whether examples that return, known by their fingerprint, have the
label that they had, where the loss compares each with one class and stays high; and how much of the inputs' variance
the labels explain (R², by feature), less what labels drawn by lot would explain, while the network learns nothing that
holds for other examples; whether what was learned is right less often than a guess where it is evaluated. In the
source, whether a function puts k batches one behind the other and repeats each label k times in a row, or repeats as a
whole what is compared with each of k others; whether it flips an image and not its mask or box; whether what was
gathered from a loader that shuffles is looked up by the number of the batch; whether what was computed from `x[order]`,
of a sort, is indexed by that order once more; whether two arrays whose rows are taken together are shuffled one after
the other.

Healthy: more than one label, the same each time an example returns, but for noise (told where most have changed), and
more than 0.02 of the variance beyond chance (derivation: unrelated labels explain 0 beyond it, known to within two
standard errors over 20 batches), or less that is surely more than one lot can explain. For the digits and the
diabetes patients of scikit-learn it is 0.25 and 0.14; with shuffled labels, 0.000 to 0.003.

Fix: print a few examples beside their labels, `print(list(zip(names, y))[:10])`; look at the lines that scale, cast,
sort or split one without the other.

Ignore it when one class at a time is trained on purpose, when labels are drawn anew each time, or when they lie in
how features go together and in none of them alone, as in a parity.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import delete, replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.belonging import by_batch_number, interleaved, repeated_as_a_whole, turned_alone
from headtorch.places.reordered import ordered_twice, shuffled_apart
from headtorch.places.trees import assigned_names, called
from headtorch.remedies import assignment_at
from headtorch.signals import Fit, Signals
from headtorch.signals.forms import attends_to_earlier, reads_several
from headtorch.slip import Slip, slipped
from headtorch.store.records import CLASSIFYING, DISTANCES

FAMILY = "the data"
LEADS_TO = (
    "overfitting",
    "capacity-too-small",
    "class-imbalance",
    "preprocessing-mismatch",
    "constant-or-duplicate-batch",
)
ENOUGH = 10  # looked-at batches: fewer could be one stretch of sorted data
CORNERS = (2, 4)  # numbers of a target: a point has two coordinates, a box four
SHIFTED = 0.9  # of the labels: all of them but a few at the edges
UNRELATED = 0.02  # R² beyond chance: shuffled labels of 1,000 examples in ten classes have 9 / 999 as a whole
BATCHES = 20  # different ones: below, chance alone hides a true relation
MAX_EXAMPLES = 256  # of a batch, whose association is measured
SURE = 3.0  # standard errors, and times what one lot explains: what is above is no chance, however weak it is
BY_HEART = 0.95  # of chance, or above: no evaluation came down to less, so that what was learned holds for nothing else
LEARNED = 0.1  # of the way from chance to 0, and by heart: 117 of 118 healthy trainings come so far
DOMINATED = 0.33  # nats, the entropy of classes of 10 and 90 %
HELD_BACK = 0.3  # of that way: 114 of 118 come further
RETURNED = 48  # examples that came back: the share of them that changed is known to within 7 %
MOST = 0.5  # of these: two labels drawn by lot, for a choice of two, differ as often
TWINS = 3.0  # expected and none seen: by the rule of three, examples are not drawn by lot but gone through in epochs
MANY = 10  # features: the answer may well lie in two or three together and in none alone, as on a checkerboard
FITTED = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further, so that the classes are known
EVALUATIONS = 3  # the last ones, each: a single one may be of examples that are made to be mistaken
DEVIATIONS = 4.0  # standard errors below a guess: by chance once in 30,000 evaluations
LONG = 200  # steps: after 100, 9 % of 80 sound trainings had not come a quarter of the way, after 200 4 %

APART = (
    Slip(
        interleaved,
        "batches stand one behind the other, and their labels in turns: most belong to another example",
        ("order of the labels", "each one repeated", "all, and all once more"),
        help="repeat the labels as a whole, as the examples are: `labels.repeat(2)`",
        label="repeats each label where it stands",
        confidence=0.9,
    ),
    Slip(
        repeated_as_a_whole,
        "the one is repeated as a whole, and what it is compared with is laid out in turns: most pairs do not belong "
        "together",
        ("order of what is repeated", "all, and all once more", "each one, as often as it is compared"),
        help="repeat each where it stands: `x.repeat_interleave(n, dim=0)`",
        label="repeats all as a whole",
        confidence=0.9,
    ),
    Slip(
        by_batch_number,
        "what was gathered for each batch is looked up by its number, but the loader shuffles anew each time",
        ("order of the batches", "another in each round", "the one that was gathered"),
        help="compute it from the batch itself, or gather it from a loader that does not shuffle",
        label="belongs to another batch",
        confidence=0.92,
    ),
)
BACK = Slip(
    ordered_twice,
    "what was sorted comes back in a wrong order: the order of the sort is applied a second time, and not undone",
    ("order", "of the sort, twice", "of the sort, then its inverse"),
    help="undo it: `y[order.argsort()]`",
    label="sorts once more",
    confidence=0.93,
)
SHUFFLED = Slip(
    shuffled_apart,
    "two arrays whose rows belong together are shuffled, each into an order of its own",
    ("orders", "2", "1 for both"),
    help="draw one order for both: `order = rng.permutation(len(a))`, `a, b = a[order], b[order]`",
    label="shuffles the second apart from the first",
    confidence=0.93,
)
TURNED = Slip(
    turned_alone,
    "an image is turned and its target is not: they show different places from then on",
    ("what is turned", "the image alone", "image and target, or neither"),
    help="do the same to the target: flip the mask too, mirror the corners of a box and exchange them",
    label="turns one of the two",
    confidence=0.9,
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose labels are all the same, change, or say nothing of their inputs."""
    yield from slipped("labels-misaligned", signals, *APART, BACK)
    if any(fit.gain < HELD_BACK for fit in signals.fits):  # pairs may well be drawn by lot
        yield from slipped("labels-misaligned", signals, SHUFFLED)
    if any(map(_aims_at_places, signals.fits)):
        yield from slipped("labels-misaligned", signals, TURNED)
    for fit in signals.fits:
        if (far := _too_far(signals, fit) or _not_shifted(signals, fit)) is not None:
            yield far
            continue
        for judge in (_all_the_same, _changed, _worse_than_chance, _unrelated):
            if (finding := judge(signals, fit)) is not None:
                yield finding
                break


def _aims_at_places(fit: Fit) -> bool:
    """Whether the targets are of places in an image: a mask, or the corners of boxes."""
    loss = fit.loss
    images = any("Convolution" in node.op and len(node.shape or ()) == 4 for node in fit.network.nodes)
    shape = loss.target_shape if loss is not None else None
    shape = shape if shape is not None or loss is None else loss.prediction_shape
    if loss is None or shape is None or not images:
        return False
    return len(shape) >= 3 or (loss.name in DISTANCES and len(shape) == 2 and shape[1] in CORNERS)


def _too_far(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where the label of a token is not the next one, but one further on: it was shifted twice."""
    shares = fit.shifts
    if not shares[2:].max() > SHIFTED or shares[1] > MOST:
        return None
    places = int(shares[2:].argmax()) + 2
    return Finding(
        rule="labels-misaligned",
        severity="error",
        message=f"the label of each token is the one {places} places later, not the next",
        where=signals.target_place(fit),
        saw=(
            Evidence("labels that are the next token", f"{shares[1]:.0%}", healthy="near 100 %"),
            Evidence(f"the one {places} places later", f"{shares[places]:.0%}"),
            fit.seen_loss,
        ),
        help="shift the labels once: a loss that shifts them itself is given all of them",
        label="compares with labels that are shifted too far",
        confidence=0.95,
    )


def _not_shifted(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where a network that reads from left to right is to say the token that it has just read."""
    nodes, same = fit.network.nodes, float(fit.shifts[0])
    if signals.several_inputs(fit) or reads_several(nodes, fit.examples):
        return None
    if not same > SHIFTED or not any(attends_to_earlier(nodes, number) for number in range(len(nodes))):
        return None
    return Finding(
        rule="labels-misaligned",
        severity="error",
        message="the label of each token is that token, which the network has read: it was not shifted",
        where=nodes[fit.loss.node].where if fit.loss is not None and fit.loss.node >= 0 else signals.target_place(fit),
        saw=(Evidence("labels that are the token read", f"{same:.0%}", healthy="near 0 %"), fit.seen_loss),
        help="compare the scores of each token with the next one: `scores[:, :-1]` with `tokens[:, 1:]`",
        label="compares with what was just read",
        confidence=0.95,
    )


def _all_the_same(signals: Signals, fit: Fit) -> Finding | None:
    counts = fit.series("class_count")
    shape = fit.loss.prediction_shape if fit.loss else None
    if not counts or counts.values.shape[1] < 2 or len(counts.steps) < ENOUGH or shape is None or len(shape) < 2:
        return None
    if fit.loss is None or fit.loss.name not in CLASSIFYING:
        return None
    classes = int((counts.values.sum(axis=0) > 0).sum())
    output = fit.network.prediction
    while output is not None and output.op in ("Mul", "Div") and len(output.inputs) == 1:
        output = fit.network.nodes[output.inputs[0]]
    if classes != 1 or shape[1] < 2 or (output is not None and output.op in ("Cat", "Bmm")):
        return None  # scores put side by side may have the right one first, as in a contrastive loss
    return Finding(
        rule="labels-misaligned",
        severity="error",
        message=f"every label is the same, of {shape[1]} that the network can tell",
        where=signals.target_place(fit),
        saw=(Evidence("different labels", 1.0, healthy=f"{shape[1]}"), fit.seen_loss),
        help="look at what was done to the labels before training: scaled, cast or split apart from the inputs",
        label="compares with labels that are all the same",
        confidence=0.92,
    )


def _changed(signals: Signals, fit: Fit) -> Finding | None:
    """Examples of a data set that come back with another label, while their labels are not learned."""
    loss = fit.loss
    if loss is None or loss.name not in CLASSIFYING or len(fit.objective.losses) != 1:
        return None
    # One by one, losses may be weighed by what each earned, as actions that were drawn are.
    if loss.node < 0 or fit.network.nodes[loss.node].shape != () or fit.gain > HELD_BACK or signals.several_inputs(fit):
        return None
    marks, labels = _marked(fit)
    if _by_place(labels) or not _in_epochs(marks):
        return None
    seen: dict[float, float] = {}
    returned = changed = 0
    for mark, label in zip(marks[np.isfinite(marks)], labels[np.isfinite(marks)], strict=True):
        if mark in seen:
            returned += 1
            changed += seen[mark] != label
        seen[mark] = label
    if returned < RETURNED or changed / returned - 1 / np.sqrt(returned) <= MOST:  # two standard errors, at a half
        return None
    return Finding(
        rule="labels-misaligned",
        severity="error",
        message=f"{changed / returned:.0%} of the examples that came back had another label than before",
        where=signals.collate_place() or signals.shuffle_place() or signals.target_place(fit),
        saw=(Evidence("changed labels", f"{changed} of {returned}", healthy="none"), fit.seen_loss),
        help="print a few examples beside their labels; look for what sorts or shuffles one without the other",
        label="see that labels follow their inputs here",
        confidence=0.95,
    )


def _marked(fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """The fingerprints and the labels of the looked-at batches, (batches, 64) each, NaN where either is not known."""
    marks, labels = fit.series("fingerprint"), fit.series("label")
    steps, these, those = np.intersect1d(marks.steps, labels.steps, return_indices=True)
    if not len(steps):
        return np.empty((0, 0)), np.empty((0, 0))
    unknown = np.isnan(marks.values[these]) | np.isnan(labels.values[those])
    return np.where(unknown, np.nan, marks.values[these]), np.where(unknown, np.nan, labels.values[those])


def _by_place(labels: np.ndarray) -> bool:
    """Whether each batch has the same labels as the others: they name places in it, or classes of an episode."""
    ordered = np.sort(labels, axis=1)  # NaN comes last
    shared = ordered[:, np.isfinite(ordered).all(axis=0)]
    return bool((shared == shared[:1]).all())


def _in_epochs(marks: np.ndarray) -> bool:
    """Whether no example stands twice in a batch, though it would if they were drawn by lot, however unevenly.

    So do states of a game, words beside others and pictures beside questions, whose labels may well differ each time.
    """
    sizes = np.isfinite(marks).sum(axis=1).astype(float)
    within = float((sizes * (sizes - 1)).sum()) / 2
    across = (sizes.sum() ** 2 - (sizes**2).sum()) / 2
    twins = sum(len(row) - len(np.unique(row)) for row in (row[np.isfinite(row)] for row in marks))
    _, counts = np.unique(marks[np.isfinite(marks)], return_counts=True)
    met = float((counts * (counts - 1.0)).sum()) / 2
    return twins == 0 and across > 0 and met * within / across >= TWINS


def _worse_than_chance(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where fewer evaluated examples are right than by a guess: only who knows the classes, by other numbers,
    can be wrong so often."""
    right, counts, targets = (fit.series(name) for name in ("eval_measure", "eval_class_count", "eval_target"))
    loss = fit.loss
    if loss is None or loss.name not in CLASSIFYING or loss.ignored is not None or not fit.gain > FITTED:
        return None
    shares = right.column()
    if not right or not counts or not np.isin(right.steps, counts.steps).all() or not targets.values[:, 2].min() >= 0:
        return None  # what is ignored counts as wrong
    outputs = max((loss.prediction_shape or (0,))[1:2], default=0)
    if not ((shares >= 0) & (shares <= 1)).all() or outputs > counts.values.shape[1]:
        return None
    evaluations = np.unique(right.steps)[-EVALUATIONS:]
    accuracy = max(float(shares[right.steps == step].mean()) for step in evaluations)
    totals = counts.values[counts.steps == evaluations[-1]].sum(axis=0)
    classes, examples = int((totals > 0).sum()), float(totals.sum())
    if len(evaluations) < EVALUATIONS or classes < 2:
        return None
    guess = 1 / classes
    if accuracy > guess - DEVIATIONS * np.sqrt(guess * (1 - guess) / examples):
        return None
    return Finding(
        rule="labels-misaligned",
        severity="error",
        message=f"{accuracy:.1%} of the evaluated examples are right, fewer than by a guess: their classes have other "
        "numbers than in training",
        where=signals.evaluated_data_place() or signals.target_place(fit),
        saw=(
            Evidence("accuracy in evaluation", accuracy, healthy=f"above {guess:.3g}, that of a guess"),
            Evidence("accuracy in training", fit.fits_measure),
            fit.seen_loss,
        ),
        help="number the classes once, in one order for all parts: `sorted(set(names))` of the training data",
        label="see how the classes are numbered here",
        confidence=0.92,
    )


def _unrelated(signals: Signals, fit: Fit) -> Finding | None:
    series = fit.series("association")
    rows = series.values[np.isfinite(series.values[:, :2]).all(axis=1)] if series else np.empty((0, 2))
    if len(np.unique(rows[:, 0])) < BATCHES or fit.chance is None or fit.diverged_at is not None or _one_dominates(fit):
        return None
    beyond = rows[:, 0] - rows[:, 1]
    related, doubt = float(beyond.mean()), float(beyond.std() / np.sqrt(len(beyond)))
    if related + 2 * doubt > UNRELATED or related > SURE * (_by_lot(fit, rows) + doubt):
        return None
    held = fit.held_out
    nothing_held = held is not None and float(held.column().min()) > BY_HEART * (fit.held_out_chance or 0)
    by_heart = nothing_held and fit.gain > LEARNED
    if not by_heart and not (fit.gain < HELD_BACK and fit.steps >= LONG):
        return None
    return Finding(
        rule="labels-misaligned",
        severity="warning",
        message=f"the labels explain {max(related, 0):.1%} more of the inputs than labels drawn by lot would",
        where=signals.shuffle_place() or signals.target_place(fit),
        saw=(
            Evidence("R^2 of inputs by labels, beyond chance", related, healthy="above 0.02"),
            fit.seen_loss,
        ),
        help="print a few examples beside their labels; look for what sorts, shuffles or splits one without the other",
        label="see that labels follow their inputs here",
        confidence=0.8 if by_heart else 0.7 if _sees_many(fit) else 0.6,
    )


def _sees_many(fit: Fit) -> bool:
    """Whether an example has many features: a picture, or a long row."""
    first = next(iter(fit.network.linear_maps), None)
    if first is None:
        return False
    node = fit.network.nodes[first]
    widths = [parameter.shape[-1] for parameter in fit.parameters if parameter.id == node.weight and parameter.shape]
    return "Convolution" in node.op or max(widths, default=0) >= MANY


def _by_lot(fit: Fit, rows: np.ndarray) -> float:
    """What labels drawn by lot once and for all explain beyond what they would drawn anew for each batch: their lot
    repeats itself from batch to batch. As a share of the variance it is freedom / (examples - 1)."""
    marks = fit.series("fingerprint").values
    examples = len(np.unique(marks[np.isfinite(marks)]))
    freedom = float(np.median(rows[:, 1])) * (min(fit.examples, MAX_EXAMPLES) - 1)
    return freedom / max(examples - 1, 1)


def _one_dominates(fit: Fit) -> bool:
    """Whether nearly all labels are of one class: the few others explain next to nothing, related or not."""
    return fit.loss is not None and fit.loss.name not in DISTANCES and (fit.chance or 0) < DOMINATED


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Examples in the order of their labels; labels that are not divided by anything."""
    if finding.where is not None and finding.where == signals.first_slip(interleaved):
        for repeat in signals.places.nodes_at(finding.where, ast.Call):
            edits = (replace(finding.where, f"{{self}}.repeat({ast.unparse(repeat.args[-1])})"),)
            yield Change("repeat the labels as a whole", edits)
    if finding.where is not None and finding.where == signals.first_slip(ordered_twice):
        for taken in signals.places.nodes_at(finding.where, ast.Subscript):
            if isinstance(taken.slice, ast.Name):
                code = f"{ast.unparse(taken.value)}[{taken.slice.id}.argsort()]"
                yield Change("bring it back into its order", (replace(finding.where, code),))
    statement = assignment_at(signals, finding.where)
    call = signals.places.call_at(finding.where) if finding.where is not None else None
    if call is not None and finding.where is not None and called(call) in ("permutation", "shuffle") and call.args:
        alone = isinstance(call.args[0], ast.Name) and (
            statement is None or (statement.value is call and assigned_names(statement) == [call.args[0].id])
        )
        if alone and len(call.args) == 1:
            yield Change("leave the examples in the order of their labels", (delete(finding.where),))
    if statement is None or finding.where is None:
        return
    for node in ast.walk(statement.value):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
            place = signals.places.where(finding.where.file, node)
            same = ast.unparse(node.left) in assigned_names(statement)
            edit = delete(place) if same else replace(place, ast.unparse(node.left))
            yield Change("leave the labels as they are", (edit,), alters_loss=True)

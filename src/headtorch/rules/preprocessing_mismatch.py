"""Training and evaluation data are prepared differently.

Why it fails: a network knows the numbers it was trained on. The same picture with ink 0 and paper 1, or scaled by
255, is another input, `x′ = a·x + b`, and the answer to it is a guess.

Measured: mean and standard deviation of what the network is given in training and in evaluation, with the same number
of features; of all evaluations, and of the last batch. Networks that take several inputs are left out: only the first
is looked at, and it may be another one. In the source, whether what was scaled is never used. In networks that look
words up, whether the same code numbers the words of both parts, each on its own; and whether a function numbers
the categories of each table that it is given by themselves. Of classes, also the loss on training examples that come
for the first time, beside that of every evaluation.

Healthy: a shift of the mean below 0.2 standard deviations, and a ratio of the deviations near 1; measured over the 67
of 119 healthy trainings that evaluate, at most 0.17, and 0.92 to 1.1. Told from a shift of 0.7, if it is six times
what batches differ by, or a ratio of 2.5; of the last evaluated batch alone, from four times that on. A warning where
the training data are learned half of the way from chance to 0 and new examples of them already cost less than chance
before the first evaluation, but none of five evaluations or more costs less than a constant answer or is right much
more often (derivation: what holds for new examples of a kind holds for others of that kind; what is only learned by
heart holds for none).

Fix: one function that prepares both, with statistics of the training data: `scaler = StandardScaler().fit(x_train)`,
then `scaler.transform` on each part.

Ignore it when a robustness to other data is what is evaluated.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.slips import fitted_again, prepared_in_vain
from headtorch.places.trees import assigned_names
from headtorch.places.vocabularies import codes_of_its_own, numbered_again
from headtorch.remedies import assignment_at, evaluated_made
from headtorch.signals import Fit, Signals
from headtorch.slip import Slip, slipped
from headtorch.store.records import CLASSIFYING, YES_OR_NO

FAMILY = "the data"
LEADS_TO = ("overfitting", "batchnorm-stats-stale")
SHIFT = 0.7  # of the training data's standard deviation: four times the 0.17 that healthy trainings reach at most
SCALE = 2.5  # times its deviation: 0.92 to 1.1 in 67 healthy trainings
NOISE = 6.0  # times what the means of batches differ by: chance does not reach it
FAR = 4.0  # times these bounds, for the last batch alone: a test after many validations that were prepared well
ALIKE = 1e-3  # of the training data's deviation: a number less its own mean is 0
EQUAL = 1.25  # times its deviation: 0.92 to 1.1 in 67 healthy trainings
NEAR = 2.0  # times a factor: the usual ones are further apart than this
ENOUGH = 8  # examples: of fewer, a mean says little
COURSE = 5  # evaluations: fewer could all be early
LEARNED = 0.5  # of the way from chance to 0, on the training data
HOLDS = 0.95  # of chance, beyond two standard errors: what was learned holds for new examples
REPEATED = 0.1  # of a batch: fewer may have another's mark; more, and the first round through the data is over
LITTLE = 0.25  # of what the training's own accuracy is better by: words and shapes in common help a little
BATCHES = 6  # of new examples: fewer do not tell their spread
DOMINATES = 0.6  # of the evaluated examples: half is a fair coin, more is a constant answer that is hard to beat

IN_VAIN = Slip(
    prepared_in_vain,
    "what is scaled here is never used: the training gets what was not scaled",
    ("times that it is used", "0", "1 or more"),
    help="train on what was scaled, as what is evaluated is scaled by the same numbers",
    label="is not used again",
    confidence=0.85,
    severity="warning",
)
CODES = Slip(
    codes_of_its_own,
    "each table is given numbers of its own for its categories: a number is another one than in training",
    ("numbers for one column", "2, by the same code", "1, of the training data"),
    help="fix the order once: `pd.Categorical(column, categories=known)`, or an encoder fitted to the training data",
    label="numbers anew what it is given",
    confidence=0.9,
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that is evaluated on inputs of another scale, or on what is unlike its training data."""
    one_file = len(signals.run.sources) == 1  # what one file, or a cell, makes another may use
    yield from slipped("preprocessing-mismatch", signals, *([CODES] if signals.evaluation else []))
    yield from slipped("preprocessing-mismatch", signals, *([IN_VAIN] if one_file else []))
    for fit in signals.fits:
        finding = (
            _own_numbers(signals, fit)
            or _each_by_itself(signals, fit)
            or _other_scale(signals, fit)
            or _holds_elsewhere_only(signals, fit)
        )
        if finding is not None:
            yield finding


def _own_numbers(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where the words of the evaluated texts are numbered apart from those of the training."""
    embeds = any(node.op == "Embedding" or node.op == "EmbeddingBag" for node in fit.network.nodes)
    made = [signals.evaluated_data_place(), *map(signals.places.origin, signals.evaluation)] if embeds else []
    places = (numbered_again(signals.places, where) for where in made if where is not None)
    place = next((where for where in places if where is not None), None)
    if place is None:
        return None
    return Finding(
        rule="preprocessing-mismatch",
        severity="error",
        message="the words of what is evaluated are numbered anew: a number is another word than in training",
        where=place,
        saw=(Evidence("vocabularies", "2, by the same code", healthy="1, of the training data"), fit.seen_loss),
        help="number the words of both parts by the vocabulary of the training data",
        label="makes a vocabulary of its own",
        confidence=0.92,
    )


def _each_by_itself(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where examples are evaluated one by one, each scaled by its own statistics: it loses all there is."""
    held, train = fit.series("eval_input"), fit.series("input")
    place = signals.first_slip(fitted_again)
    alone = held.values[held.values[:, 9] == 1] if held else np.empty((0, 10))
    if place is None or not train or len(alone) < ENOUGH:
        return None
    if float(np.abs(alone[:, :2]).max()) > ALIKE * float(np.median(train.values[:, 1])):
        return None
    return Finding(
        rule="preprocessing-mismatch",
        severity="error",
        message=f"the {len(alone)} examples that are evaluated one by one are all 0: each is scaled by itself",
        where=place,
        saw=(Evidence("largest number of those that are evaluated", 0.0, healthy="as in training"), fit.seen_loss),
        help="scale them by what was fitted to the training data: `scaler.transform(x)`",
        label="fits the scaler to what is evaluated",
        confidence=0.95,
    )


def _other_scale(signals: Signals, fit: Fit) -> Finding | None:
    train, held = fit.series("input"), fit.series("eval_input")
    if not train or not held or fit.diverged_at is not None or signals.several_inputs(fit):
        return None  # of several inputs only the first is seen, and it may be another one in evaluation
    if fit.called_often:
        return None  # so it is of several calls before one backward pass, as those of an episode's steps
    if fit.network.looks_up and float(train.values[:, 8].max()) == 1:
        return None  # the numbers of users and places are names
    many = held.values[held.values[:, 9] >= ENOUGH]
    if len(many) == 0 or float(np.median(train.values[:, 8])) != float(np.median(many[:, 8])):
        return None
    mean, deviation = (float(np.median(train.values[:, column])) for column in (0, 1))
    noise = float(np.std(train.values[:, 0]))  # from batch to batch
    if noise < ALIKE * deviation:  # it is one and the same: then that of a mean of its examples
        noise = deviation / float(np.sqrt(np.median(train.values[:, 9])))
    for batches, times in ((many, 1.0), (many[-1:], FAR)):
        their_mean, their_deviation = (float(np.median(batches[:, column])) for column in (0, 1))
        shift = abs(their_mean - mean) / max(deviation, 1e-12)
        ratio = their_deviation / max(deviation, 1e-12)
        shifted = shift > times * SHIFT and abs(their_mean - mean) > times * NOISE * noise
        # A last batch of zeros, or of one value, may be where something is made from.
        if shifted or ratio > times * SCALE or (times == 1 and ratio < 1 / SCALE):
            break
    else:
        return None
    return Finding(
        rule="preprocessing-mismatch",
        severity="error",
        message=f"evaluation inputs have mean {their_mean:.3g} and std {their_deviation:.3g}, "
        f"training inputs {mean:.3g} and {deviation:.3g}",
        where=signals.evaluated_data_place() or signals.input_place(fit),
        saw=(
            Evidence("shift of the mean", shift, healthy="below 0.2 standard deviations"),
            Evidence("ratio of the deviations", ratio, healthy="about 1"),
            fit.seen_loss,
        ),
        help="prepare training and evaluation data by the same function",
        label="these inputs",
        confidence=0.87,
    )


def _holds_elsewhere_only(signals: Signals, fit: Fit) -> Finding | None:
    """A finding when what is learned holds for new examples of the training data, and never for those evaluated."""
    held, chance = fit.held_out, fit.held_out_chance
    right, most_frequent = fit.series("eval_measure"), _most_frequent(fit)
    if held is None or chance is None or len(held.steps) < COURSE or not fit.gain > LEARNED:
        return None
    if not right or most_frequent is None:
        return None
    accuracy = max(float(right.column()[right.steps == step].mean()) for step in np.unique(right.steps))
    best = float(held.column().min())
    learned = max(fit.fits_measure - most_frequent, 0.0)
    if not (best > chance and most_frequent <= DOMINATES and accuracy <= most_frequent + LITTLE * learned):
        return None
    new = _losses_of_new_examples(fit, int(held.steps[0]))
    if len(new) < BATCHES or not new.mean() + 2 * new.std() / np.sqrt(len(new)) < HOLDS * chance:
        return None
    return Finding(
        rule="preprocessing-mismatch",
        severity="warning",
        message=f"no evaluation cost less than a constant answer, from the first on, "
        f"while the training data are learned ({fit.gain:.0%} of the way)",
        where=signals.evaluated_data_place() or signals.input_place(fit),
        saw=(
            Evidence("best held-out loss", best, healthy=f"below {chance:.3g}, that of a constant answer"),
            Evidence("best held-out accuracy", accuracy, healthy=f"far above {most_frequent:.3g}"),
            Evidence("loss on new training examples, before the first evaluation", float(new.mean())),
            fit.seen_loss,
        ),
        help="compare an example of each: the evaluated data are prepared differently, their labels are mixed up, or "
        "they have nothing in common with the training data",
        label="these inputs",
        confidence=0.6,
    )


def _most_frequent(fit: Fit) -> float | None:
    """The share of the most frequent class among the evaluated examples; None where their targets are no classes."""
    loss = fit.loss.name if fit.loss is not None else ""
    counts, yes = fit.series("eval_class_count"), fit.series("eval_target")
    if loss in CLASSIFYING and counts and counts.values.shape[1] > 1:
        return float(counts.values.sum(axis=0).max() / max(counts.values.sum(), 1))
    if loss in YES_OR_NO and yes and yes.values[:, 5].min() == 1:  # whole numbers: yes or no
        share = float(yes.values[:, 0].mean())
        return max(share, 1 - share)
    return None


def _losses_of_new_examples(fit: Fit, until: int) -> np.ndarray:
    """The losses of the batches whose examples came for the first time before a step: of the last third of them."""
    marks, known, new = fit.series("fingerprint"), set[float](), list[int]()
    for step, row in zip(marks.steps, marks.values, strict=True):
        examples = set(row[np.isfinite(row)].tolist())
        if step >= until or len(examples & known) > REPEATED * len(examples):
            break
        known |= examples
        new.append(int(step))
    losses = fit.unscaled_losses[np.isin(fit.series("loss").steps, new)]
    return np.asarray(losses[2 * len(losses) // 3 :])


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The scaler of the training data for what is evaluated, its factor, or its sign."""
    if finding.where is not None and finding.where == signals.first_slip(fitted_again):
        for call in signals.places.nodes_at(finding.where, ast.Call):
            code = ast.unparse(call).replace("fit_transform", "transform")
            yield Change("scale by what was fitted to the training data", (replace(finding.where, code),))
    made = evaluated_made(signals)
    statement = assignment_at(signals, made.place) if made is not None else None
    tree = signals.places.tree(made.place.file) if made is not None else None
    if made is None or statement is None or tree is None:
        return
    given = statement.value.args[:1] if isinstance(statement.value, ast.Call) else []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and "Scaler" in ast.unparse(node.value):
            for scaler in assigned_names(node):
                for argument in given:
                    place = signals.places.where(made.place.file, argument)
                    edits = (replace(place, f"{scaler}.transform({{}})"),)
                    yield Change("prepare what is evaluated as the training data", edits)
    train, held = signals.longest.series("input"), signals.longest.series("eval_input")
    ratio = float(np.median(held.values[:, 1]) / np.median(train.values[:, 1])) if train and held else 1.0
    for factor in (255, 16, 100):
        if 1 / NEAR < ratio / factor < NEAR:
            code = f"{made.name} = {made.name} / {factor}"
            yield Change("scale what is evaluated like the training data", (made.then(code),))
    if 1 / EQUAL < ratio < EQUAL:
        code = f"{made.name} = 1 - {made.name}"
        yield Change("turn the values of what is evaluated around", (made.then(code),))

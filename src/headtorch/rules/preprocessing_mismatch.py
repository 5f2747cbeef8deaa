"""Training and evaluation data are prepared differently.

Why it fails: a network knows the numbers it was trained on. The same picture with ink 0 and paper 1, or scaled by
255, is another input, `x′ = a·x + b`, and the answer to it is a guess.

Measured: mean and standard deviation of what the network is given in training and in evaluation, with the same number
of features. Networks that take several inputs are left out: only the first is looked at, and it may be another one.

Healthy: a shift of the mean below 0.2 standard deviations, and a ratio of the deviations near 1; measured over the 67
of 119 healthy trainings that evaluate, at most 0.17, and 0.92 to 1.1. Told from a shift of 0.7, if it is six times
what batches differ by, or a ratio of 2.5.

Fix: one function that prepares both, with statistics of the training data: `scaler = StandardScaler().fit(x_train)`,
then `scaler.transform` on each part.

Ignore it when a robustness to other data is what is evaluated.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import assigned_names
from headtorch.remedies import assignment_at, evaluated_made
from headtorch.signals import Signals

FAMILY = "the data"
LEADS_TO = ("overfitting", "batchnorm-stats-stale")
SHIFT = 0.7  # of the training data's standard deviation: four times the 0.17 that healthy trainings reach at most
SCALE = 2.5  # times its deviation: 0.92 to 1.1 in 67 healthy trainings
NOISE = 6.0  # times what the means of batches differ by: chance does not reach it
EQUAL = 1.25  # times its deviation: 0.92 to 1.1 in 67 healthy trainings
NEAR = 2.0  # times a factor: the usual ones are further apart than this
ENOUGH = 8  # examples: of fewer, a mean says little


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that is evaluated on inputs of another scale."""
    for fit in signals.fits:
        train, held = fit.series("input"), fit.series("eval_input")
        if not train or not held or fit.diverged_at is not None or signals.several_inputs(fit):
            continue  # of several inputs only the first is seen, and it may be another one in evaluation
        many = held.values[held.values[:, 9] >= ENOUGH]
        if len(many) == 0 or float(np.median(train.values[:, 8])) != float(np.median(many[:, 8])):
            continue
        mean, deviation = (float(np.median(train.values[:, column])) for column in (0, 1))
        their_mean, their_deviation = (float(np.median(many[:, column])) for column in (0, 1))
        noise = float(np.std(train.values[:, 0]))  # from batch to batch
        shift = abs(their_mean - mean) / max(deviation, 1e-12)
        ratio = their_deviation / max(deviation, 1e-12)
        if not (shift > SHIFT and abs(their_mean - mean) > NOISE * noise) and not (ratio > SCALE or ratio < 1 / SCALE):
            continue
        yield Finding(
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


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The scaler of the training data for what is evaluated, its factor, or its sign."""
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

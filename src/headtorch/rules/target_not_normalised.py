"""Targets of a large scale.

Why learning fails: a fresh network puts out numbers around 1. To reach targets in the thousands its weights must grow
by that factor, in steps that were made for weights of size 1; and the gradient of a squared error grows with the
target, `∂(p − y)²/∂p = 2 (p − y)`, and throws plain SGD off.

Measured: the standard deviation and the mean of the targets of a regression, when the loss came less than half of the
way and R² is below a half; of several targets an example the largest and the smallest deviation; or, as a warning,
when one of the first steps moved the weights by twice their own size.

Healthy: about 1, the order of what a fresh network puts out; measured over 119 healthy trainings, a standard
deviation of 0.4 to 2.9 in 9 of 10, and below 50 in 110 of 111. Told from 50: at a step of 1e-2 of a weight's size it
takes four hundred to grow so far, (1 + 0.01)^400 = 53 (derivation).

Fix: `(y - y_train.mean()) / y_train.std()`; undo it on the predictions, `p * std + mean`.

Ignore it when the last layer brings the scale itself, by a factor or a bias that was set from the data.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.changes import insert_after
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import assigned_names
from headtorch.remedies import assignment_at
from headtorch.signals import Fit, Signals, Term
from headtorch.store.records import DISTANCES

FAMILY = "the data"
LEADS_TO = (
    "lr-too-low",
    "exploding-gradients",
    "lr-too-high",
    "dead-relu",
    "input-not-normalised",
    "saturated-activations",
    "init-too-large",
    "vanishing-gradients",
    "capacity-too-small",
    "numeric-overflow",
)
LARGE = 50.0  # times what a fresh network puts out: 400 steps of 1e-2; 110 of 111 healthy trainings have less
UNEQUAL = 100.0  # times: of a squared error, the smaller one is a ten-thousandth
TOGETHER = 32  # numbers an example: more are pixels or steps of a series, many of which hardly vary by nature
FITTED = 0.95  # of the way from chance to 0: no harm was done
THROWN = 2.0  # times their own size in one step: what the weights were at the start is gone; 118 healthy stay below 1.2
LEARNED = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further; and of R^2


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each regression that does not learn targets of a large scale."""
    for fit in signals.fits:
        for term in fit.terms:
            if term.targets and term.loss.name in DISTANCES:
                yield from _too_large(signals, fit, term)
                yield from _unequal(signals, fit, term)


def _too_large(signals: Signals, fit: Fit, term: Term) -> Iterator[Finding]:
    targets, fits_measure = term.targets, term.fits_measure
    alone = sum(bool(each.targets) for each in fit.terms) == 1
    learned = (alone and fit.gain > LEARNED) or fits_measure > LEARNED
    if learned and not (fit.gain < FITTED and fit.early_update > THROWN):
        return
    scale = float(np.nanmedian(targets.values[:, 7]))
    mean = float(abs(np.nanmedian(targets.values[:, 0])))
    if max(scale, mean) < LARGE:
        return
    low, high = float(targets.values[:, 2].min()), float(targets.values[:, 3].max())
    yield Finding(
        rule="target-not-normalised",
        severity="warning" if learned else "error",
        message=f"the targets reach from {low:.3g} to {high:.3g}, far from what a fresh network puts out",
        where=signals.target_place(fit, term.loss),
        saw=(
            Evidence("std of the targets", scale, healthy="about 1"),
            Evidence("R^2 at the end", fits_measure, healthy="near 1"),
            *((Evidence("largest early |Δw|/|w|", fit.early_update, healthy="below 0.2"),) if learned else ()),
            fit.seen_loss,
        ),
        help="subtract the targets' mean and divide by their standard deviation before training",
        label="these targets",
        confidence=0.89,
    )


def _unequal(signals: Signals, fit: Fit, term: Term) -> Iterator[Finding]:
    """A finding where the targets of an example are of such unequal scale that the smaller ones do not count."""
    shape = term.loss.target_shape or term.loss.prediction_shape or ()
    if len(shape) != 2 or not 2 <= shape[1] <= TOGETHER or term.loss.name != "mse" or term.targets.values.shape[1] < 10:
        return  # older files do not tell
    largest, smallest = (float(np.nanmedian(term.targets.values[:, column])) for column in (8, 9))
    if not 0 < UNEQUAL * smallest < largest:
        return
    yield Finding(
        rule="target-not-normalised",
        severity="warning",
        message=f"the targets of an example spread by {smallest:.2g} to {largest:.2g}: the loss is that of the largest",
        where=signals.target_place(fit, term.loss),
        saw=(
            Evidence("largest std of a target", largest, healthy="about 1"),
            Evidence("smallest std of a target", smallest, healthy="about 1"),
            fit.seen_loss,
        ),
        help="subtract each target's mean and divide by its standard deviation, and undo it on the predictions",
        label="these targets",
        confidence=0.88,
    )


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Targets of mean 0 and deviation 1."""
    statement = assignment_at(signals, finding.where)
    if statement is None or finding.where is None:
        return
    for name in assigned_names(statement)[:1]:
        code = f"{name} = ({name} - {name}.mean()) / {name}.std()"
        edits = (insert_after(finding.where, code),)
        yield Change("bring the targets to mean 0 and standard deviation 1", edits, alters_loss=True)

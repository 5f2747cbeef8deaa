"""Course: what the losses of one objective say, in training and on held-out examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headtorch.model import Evidence
from headtorch.signals.network import Network
from headtorch.store.records import CLASSIFYING, YES_OR_NO, Loss, Objective, term_prefix
from headtorch.store.run import Run, Series

PEAK = 2.0  # times the loss at both ends: worth saying
# Steps after which a loss near chance says something. Of 82 sound trainings of the corpus the loss had not come a tenth
# of the way after 20 steps in 37 %, after 50 in 9 %, after 100 in 5 %.
TIME_TO_LEARN = 50
# Times its chance that the loss may be at the start if one of several terms is to stand for all: more than half of it.
MOST_OF_IT = 2.0
FEW = 3  # marks in common: a hundred examples and three thousand have one by chance in 2 cases of 100
DIFFERENT = 0.8  # of a batch's marks: 113 of 116 healthy trainings have more, the others inputs of a few symbols
COMPARED = ("prediction", "target", "measure")
Floats = NDArray[np.floating[Any]]


class Term(NamedTuple):
    """A term of the loss: what it compares, and the scale of both over the looked-at steps."""

    loss: Loss
    predictions: Series
    targets: Series
    measure: Series

    @property
    def fits_measure(self) -> float:
        """The task's own measure at the end of training: accuracy or R^2, the median of the last looked-at steps."""
        return _end(self.measure)


class Course:
    """The losses of one objective.

    `turn` is its number among those that one line of the script began one after the other, as a search does, and how
    many they are.
    """

    turn = (1, 1)

    def __init__(self, run: Run, objective: Objective) -> None:
        self.run = run
        self.objective = objective
        self.network = Network(objective)

    def series(self, quantity: str) -> Series:
        """A quantity of this objective over its steps."""
        return self.run.series(quantity, self.objective.id)

    @cached_property
    def steps(self) -> int:
        """The number of backward passes."""
        return len(self.series("loss").steps)

    @cached_property
    def losses(self) -> Floats:
        """The loss of every backward pass, (steps,)."""
        return self.series("loss").column().astype(np.float64)

    @cached_property
    def unscaled_losses(self) -> Floats:
        """The losses without their factor, as the loss function gave them: what `held_out` is compared with."""
        return self.losses / (self.scale or 1.0)

    @property
    def had_time(self) -> bool:
        """Whether it went on for so long that a loss near chance tells of a fault rather than of a beginning."""
        return self.steps >= TIME_TO_LEARN

    @cached_property
    def examples(self) -> float:
        """How many examples make a batch, mostly; 0 where that was not seen."""
        inputs = self.series("input")
        return float(np.median(inputs.values[:, 9])) if inputs else 0.0

    @property
    def loss(self) -> Loss | None:
        """The first term of the loss, where the graph shows one."""
        return self.network.loss

    @cached_property
    def terms(self) -> list[Term]:
        """The terms of the loss, in order."""
        terms = enumerate(self.objective.losses)
        return [Term(loss, *(self.series(term_prefix(number) + name) for name in COMPARED)) for number, loss in terms]

    @cached_property
    def first_loss(self) -> float:
        """The loss before anything was learned."""
        return float(self.losses[0]) if self.steps else math.nan

    @cached_property
    def _start(self) -> float:
        """The median of the first losses."""
        return float(np.median(self.losses[: max(3, self.steps // 20)])) if self.steps else math.nan

    @cached_property
    def tail(self) -> Floats:
        """The losses of the last tenth of the steps, at least ten."""
        return self.losses[-max(10, self.steps // 10) :]

    @cached_property
    def last_loss(self) -> float:
        """The median of the tail; NaN when the loss ended in NaN."""
        return float(np.median(self.tail)) if self.steps else math.nan

    @cached_property
    def diverged_at(self) -> int | None:
        """The first step whose loss is no finite number."""
        bad = np.flatnonzero(~np.isfinite(self.losses))
        return int(self.series("loss").steps[bad[0]]) if len(bad) else None

    @cached_property
    def scale(self) -> float:
        """What a loss of one term, beside penalties on weights, is multiplied with before backward, as by 1/k where
        gradients are accumulated.

        A sum counts as the mean times the number of its terms, so that a sum over n that is divided by n is the mean.
        """
        if self.loss is None or self.loss.node < 0 or self._terms_of_data > 1:
            return 1.0
        nodes = self.network.nodes
        scale, reached = 1.0, self.loss.node
        if self.loss.reduction == "sum" and nodes[reached].shape == ():
            scale *= math.prod(self.loss.target_shape or ())
        for number in range(reached + 1, len(nodes)):
            node, before = nodes[number], nodes[reached].shape
            if reached not in node.inputs:
                continue
            reached = number
            if len(node.inputs) == 1:
                scale *= abs(float(node.detail.get("factor", 1.0)))
            if node.op == "Sum" and before is not None and node.shape is not None:
                scale *= math.prod(before) / max(math.prod(node.shape), 1)
        return scale

    @cached_property
    def chance(self) -> float | None:
        """The loss of the best constant answer, with the factor of the loss; None where the loss shows no targets.

        Of several terms the first stands for all where it makes up most of the loss at the start; else nothing does. A
        penalty on weights is no such term: to a constant answer it costs nothing.
        """
        if self._constant is None:
            return None
        chance = self._constant * self.scale
        return chance if self._terms_of_data <= 1 or self._start <= MOST_OF_IT * chance else None

    @property
    def _terms_of_data(self) -> int:
        """The number of terms of the loss that are no penalty on weights alone."""
        at = [self.network.nodes[term.node] if term.node >= 0 else None for term in self.objective.losses]
        return sum(node is None or bool(node.inputs) or node.outside for node in at)

    @cached_property
    def _constant(self) -> float | None:
        """The loss of the best constant answer: the entropy of the classes, or the variance of the targets.

        None where the loss shows no targets, or weighs them. For class targets H = -sum p ln p over the seen shares;
        ln k when the k classes are even.
        """
        name = self.loss.name if self.loss and not self.loss.weighted else ""
        target = self.series("target")
        if name == "unknown" and self._compares_pairs:
            return math.log(2)
        if name in CLASSIFYING:
            counts = self.series("class_count")
            if not counts or np.isnan(counts.values).any():
                return None
            shares = counts.values.sum(axis=0) / max(counts.values.sum(), 1)
            shares = shares[shares > 0]
            return float(-(shares * np.log(shares)).sum()) if len(shares) else None
        if not target:
            return None
        if name in YES_OR_NO:
            share = float(target.values[:, 0].mean())
            if not 0 < share < 1:
                return None  # one side of a game, whose answer is always the same; or no yes or no
            return -share * math.log(share) - (1 - share) * math.log(1 - share)
        if name in ("mse", "smooth_l1", "huber"):
            variance = float(np.nanmean(target.values[:, 7] ** 2))
            return variance if name == "mse" else 0.5 * variance
        if name == "l1":
            return float(np.nanmean(target.values[:, 7])) * math.sqrt(2 / math.pi)
        return None

    @property
    def _compares_pairs(self) -> bool:
        """Whether the first term is the logistic loss of a difference of two scores, `-log sigmoid(a - b)`, as of what
        was chosen and what was not (Rendle et al., 2009): of equal scores it is ln 2."""
        node = self.network.nodes[self.loss.node] if self.loss is not None and self.loss.node >= 0 else None
        if node is None or node.op not in ("LogSigmoid", "Softplus") or not node.inputs:
            return False
        below = self.network.nodes[node.inputs[0]]
        return below.op == "Sub" and len(below.inputs) == 2

    @cached_property
    def gain(self) -> float:
        """How far the loss came from chance (or from its start) towards 0: 0 nothing, 1 all, below 0 worse; NaN
        unknown."""
        if not self.steps:
            return math.nan
        if not math.isfinite(self.last_loss):
            return -math.inf
        # Where the targets are not seen, the start stands for chance, but not the first few steps: weights that were
        # made too large can cost a thousand times what a constant answer does.
        reference = self.chance if self.chance is not None else min(self._start, self.first_loss)
        if not math.isfinite(reference) or reference <= 0:
            return math.nan
        return 1 - self.last_loss / reference

    @cached_property
    def fits_measure(self) -> float:
        """The task's own measure at the end of training: accuracy or R^2, the median of the last looked-at steps."""
        return _end(self.series("measure"))

    @cached_property
    def held_out(self) -> Series | None:
        """The loss on examples that were not trained on, one row an evaluation; None when none was seen.

        The batches of one evaluation are averaged. Examples count as trained on when more than half of those marked
        stand among the training batches that were looked at.
        """
        if self.seen_in_training.size and np.median(self.seen_in_training) > 0.5:
            return None
        return self._evaluated

    @cached_property
    def _evaluated(self) -> Series | None:
        """The mean loss of each evaluation, on whatever examples; None when none was seen."""
        losses = self.series("eval_loss")
        if not losses:
            return None
        steps, where = np.unique(losses.steps, return_inverse=True)
        means = np.bincount(where, losses.column()) / np.bincount(where)
        return Series(steps, means[:, None].astype(np.float32))

    @cached_property
    def gain_in_eval_mode(self) -> float:
        """How far the loss came from chance in eval mode, on whatever examples; NaN where it was not seen in that mode.

        Under dropout the loss in training is higher, for it is that of a network with some of its units missing.
        """
        evaluations = self.series("evaluation")
        if not evaluations or self._evaluated is None or not self.held_out_chance:
            return math.nan
        its_own = evaluations.values[np.isin(evaluations.column(6), self.objective.roots)]
        in_eval_mode = (its_own[:, 0] == 0) & (its_own[:, 1] == its_own[:, 2])
        if len(its_own) == 0 or not in_eval_mode.all():
            return math.nan
        return 1 - _end(self._evaluated) / self.held_out_chance

    @property
    def held_out_chance(self) -> float | None:
        """The loss of the best constant answer without a factor, as evaluations show it."""
        return None if self.chance is None else self.chance / (self.scale or 1.0)

    @cached_property
    def seen_in_training(self) -> Floats:
        """For each looked-at evaluation batch, the share of its examples that were trained on.

        Only a part of the training examples is seen at the looked-at steps. How large a part tells from the examples of
        the later steps that stood among the earlier ones; the share is taken of what could be found again. Empty where
        the marks of a batch repeat or are of a single number: a user or a word does not tell the example that it is in.
        """
        trained = self.series("fingerprint").values
        within = [len(np.unique(row)) / len(row) for row in (r[np.isfinite(r)] for r in trained[:50]) if len(row)]
        inputs = self.series("input")
        single = bool(inputs) and float(inputs.values[:, 8].max()) < 2
        if single or (within and np.median(within) <= DIFFERENT):
            return np.empty(0)
        held = self.series("eval_fingerprint").values
        half = len(trained) // 2
        early, late = (rows[np.isfinite(rows)] for rows in (trained[:half], trained[half:]))
        found_again = float(np.isin(late, early).mean()) if len(early) and len(late) else 0.0
        if found_again < 0.05 or not len(held):
            return np.empty(0)
        shares = [np.isin(row[np.isfinite(row)], early).mean() for row in held if np.isfinite(row).any()]
        if len(np.intersect1d(held, early)) < FEW:  # two examples may have one mark by chance
            return np.zeros(len(shares))
        return np.minimum(np.array(shares) / found_again, 1.0)

    @cached_property
    def seen_loss(self) -> Evidence:
        """The loss from its start to its end, as evidence."""
        end = f"NaN at step {self.diverged_at}" if self.diverged_at is not None else f"{self.last_loss:.4g}"
        finite = self.losses[np.isfinite(self.losses)]
        peak = float(finite.max()) if len(finite) else math.nan
        high = peak > PEAK * max(self.first_loss, self.last_loss, 0.0)
        most = f", at most {peak:.3g}" if high else ""
        number, turns = self.turn
        which = f"fit {number} of {turns}" if turns > 1 else None
        return Evidence("loss", f"{self.first_loss:.4g} to {end}{most}", steps=which, curve=self.curve())

    def curve(self, points: int = 20) -> tuple[float, ...]:
        """The loss as a few points for a sparkline."""
        return thin(self.losses, points)


def thin(values: Floats | Sequence[float], points: int) -> tuple[float, ...]:
    """At most `points` means of equal stretches."""
    if len(values) <= points:
        return tuple(float(value) for value in values)
    return tuple(float(np.mean(stretch)) for stretch in np.array_split(np.asarray(values), points))


def _end(series: Series) -> float:
    """The median of the last rows of a series' first column, NaN when there is none."""
    if not series:
        return math.nan
    values = series.column()[-max(3, len(series.steps) // 10) :]
    return float(np.nanmedian(values)) if np.isfinite(values).any() else math.nan

"""Fit: one objective's training as its run file tells it, its loss, its parameters and how they moved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from headtorch.signals.course import Course, Floats
from headtorch.store.records import Objective, Optimizer, Parameter
from headtorch.store.run import Run, Series

SAME_WEIGHTS = 0.05  # of each one's length: 26 usual steps of 0.002, as far as the next looked-at step may be
FALLEN = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further
FEW = 5  # steps in a row may each be followed by an evaluation, where a round of the data is short
PLACES = 4  # that a label may be from its token, as they are recorded
RECURRENT = ("RNN", "LSTM", "GRU")  # how the names of modules begin that run step by step


class Fit(Course):
    """One objective's training: the course of its loss, and what its parameters do."""

    def __init__(self, run: Run, objective: Objective, all_fits: Sequence[Fit]) -> None:
        super().__init__(run, objective)
        self._earlier = tuple(all_fits)

    @cached_property
    def gain(self) -> float:
        """How far the loss came from chance (or from its start) towards 0, as `Course.gain`; NaN also where it is high
        and depends on what another loss moves, as a generator's does on its critic: in a game both may learn."""
        gain = super().gain
        return math.nan if self.is_in_a_game and -math.inf < gain < FALLEN else gain

    @cached_property
    def answered(self) -> float:
        """How far the accuracy came from that of naming the commonest class towards 1, or R^2; NaN where it is not
        seen."""
        counts, target = self.series("class_count"), self.series("target")
        commonest = 0.0
        if counts:
            commonest = float(np.max(counts.values.sum(axis=0)) / max(counts.values.sum(), 1))
        elif target and self.loss is not None and self.loss.name.startswith("bce"):
            share = float(np.nanmean(target.values[:, 0]))
            commonest = max(share, 1 - share)
        return (self.fits_measure - commonest) / max(1 - commonest, 1e-30)

    @cached_property
    def is_in_a_game(self) -> bool:
        """Whether the loss reaches parameters that move, but not by the optimizers that follow it: its height is then
        not its own doing alone."""
        return bool(self.followed_by) and bool((self.reached & self.moved & ~self.optimized).any())

    @cached_property
    def parameters(self) -> list[Parameter]:
        """The watched parameters, in the order of the parameter quantities."""
        return [self.run.parameters[number] for number in self.objective.parameters if number in self.run.parameters]

    @cached_property
    def reached(self) -> NDArray[np.bool_]:
        """Which watched parameters the loss reaches, (parameters,)."""
        reached = set(self.objective.reached)
        return np.array([number in reached for number in self.objective.parameters], bool)

    @cached_property
    def frozen(self) -> list[Parameter]:
        """The watched parameters that require no gradient."""
        frozen = set(self.objective.frozen)
        return [parameter for parameter in self.parameters if parameter.id in frozen]

    @cached_property
    def weights(self) -> NDArray[np.bool_]:
        """Which watched parameters are weight matrices or kernels, (parameters,): biases and norms have no fan-in."""
        return np.array([len(parameter.shape) >= 2 for parameter in self.parameters], bool)

    @cached_property
    def held(self) -> NDArray[np.bool_]:
        """Which watched parameters an optimizer holds that has stepped, (parameters,)."""
        held = {n for o in self.run.optimizers.values() if o.stepped_at is not None for n in o.parameters}
        return np.array([number in held for number in self.objective.parameters], bool)

    @cached_property
    def followed_by(self) -> list[Optimizer]:
        """The optimizers that step right after this objective's backward pass."""
        numbers = [
            event.value["optimizer"]
            for event in self.run.events("follows")
            if event.value["objective"] == self.objective.id
        ]
        return [self.run.optimizers[number] for number in numbers if number in self.run.optimizers]

    @cached_property
    def is_to_climb(self) -> bool:
        """Whether an optimizer that follows this objective is told to maximise it."""
        return any(group.get("maximize") for optimizer in self.followed_by for group in optimizer.groups)

    def held_by_any(self, kinds: Sequence[str]) -> bool:
        """Whether an optimizer of one of these classes follows this objective."""
        return any(optimizer.kind in kinds for optimizer in self.followed_by)

    @cached_property
    def optimized(self) -> NDArray[np.bool_]:
        """Which watched parameters the optimizers that follow this objective hold, (parameters,)."""
        held = {number for optimizer in self.followed_by for number in optimizer.parameters}
        return np.array([number in held for number in self.objective.parameters], bool)

    @cached_property
    def moved(self) -> NDArray[np.bool_]:
        """Which watched parameters ever changed between two looked-at backward passes, (parameters,)."""
        updates = self.series("update_ratio")
        if not updates or updates.values.shape[1] != len(self.parameters):
            return np.zeros(len(self.parameters), bool)
        return np.asarray((updates.values > 0).any(axis=0))  # 0 / 0, of zeros that stay, is NaN

    @cached_property
    def trained_before(self) -> NDArray[np.bool_]:
        """Which watched parameters an earlier fit moved, or a state dict filled, (parameters,)."""
        numbers = {
            number
            for fit in self._earlier
            for number, moved in zip(fit.objective.parameters, fit.moved, strict=False)
            if moved
        }
        return np.array([p.loaded or p.id in numbers for p in self.parameters], bool)

    @cached_property
    def called_often(self) -> bool:
        """Whether the network's first layer, if it is no recurrent one, runs several times for one loss: what is noted
        of the inputs is that of its first run."""
        kinds = {parameter.id: parameter.kind for parameter in self.parameters}
        weights = [self.network.nodes[number].weight for number in self.network.linear_maps[:1]]
        return any(
            weight is not None and self.network.uses[weight] > 1 and not kinds.get(weight, "").startswith(RECURRENT)
            for weight in weights
        )

    @cached_property
    def shifts(self) -> Floats:
        """The shares of the labels that are the token read at their own place, the next one, and so on, (4,); zeros
        where inputs or labels are no tokens."""
        values = self.series("shift").values
        if values.shape[1] != PLACES or not np.isfinite(values).any(axis=0).all():
            return np.zeros(PLACES)
        return np.asarray(np.nanmedian(values, axis=0))

    @cached_property
    def restored_from(self) -> int | None:
        """The looked-at step whose weights a state dict brought back right after the last step; None where none did."""
        loaded, weights = self.series("loaded_weight_norm"), self.series("weight_norm")
        later = np.flatnonzero(loaded.steps > self.series("loss").steps.max(initial=-1))
        if not len(later) or loaded.values.shape[1] != weights.values.shape[1]:
            return None
        apart = np.abs(weights.values / loaded.values[later[0]] - 1)
        apart = np.where(np.isnan(apart), np.inf, apart)
        furthest = np.max(apart[:, self.weights], axis=1, initial=0.0)
        return int(weights.steps[np.argmin(furthest)]) if furthest.min() < SAME_WEIGHTS else None

    @cached_property
    def measures_norms_anew(self) -> NDArray[np.bool_]:
        """Which calls without gradient run batch norms in training mode, before calls in eval mode that come at the
        same step: they measure the statistics, (calls,)."""
        calls = self.series("evaluation")
        if not calls:
            return np.zeros(0, bool)
        its_own = np.isin(calls.column(6), self.objective.roots)
        measures = its_own & (calls.values[:, 3] > calls.values[:, 4])
        evaluates = its_own & (calls.values[:, 3] > 0) & (calls.values[:, 3] == calls.values[:, 4])
        last = dict(zip(calls.steps[evaluates].tolist(), np.flatnonzero(evaluates).tolist(), strict=True))
        before = [number < last.get(step, -1) for number, step in enumerate(calls.steps.tolist())]
        return np.asarray(measures & np.array(before, bool))

    def has_one_between_any_steps(self, steps: NDArray[np.int64]) -> bool:
        """Whether what came at some steps comes between any two backward passes, as do calls that make targets or
        choose examples, and no evaluations."""
        passes = np.searchsorted(self.series("loss").steps, np.unique(steps))
        return len(passes) > FEW and float(np.median(np.diff(passes))) <= 1

    @cached_property
    def sized(self) -> NDArray[np.bool_]:
        """Which watched parameters begin at other than zero, (parameters,): those alone have a size of their own to
        compare a step with."""
        norms = self.series("weight_norm")
        if not norms or norms.values.shape[1] != len(self.parameters):
            return np.ones(len(self.parameters), bool)
        return np.asarray(norms.values[0] > 0)

    @cached_property
    def updates(self) -> Floats:
        """|dw|/|w| of the weight matrices that move, or where there are no matrices of what moves, (looked-at steps,
        weights)."""
        series = self.series("update_ratio")
        mask = self.weights & self.moved if self.weights.any() else self.moved
        mask = mask & self.sized if (mask & self.sized).any() else mask
        if not series or not mask.any() or series.values.shape[1] != len(mask):
            return np.empty((0, 0))
        return series.values[:, mask].astype(np.float64)

    @cached_property
    def early_update(self) -> float:
        """The largest |dw|/|w| of the middle weight matrix on the first twenty looked-at steps; NaN without updates."""
        middle = np.median(self.updates[:20], axis=1) if self.updates.size else np.empty(0)
        return float(np.nanmax(middle)) if np.isfinite(middle).any() else math.nan

    @cached_property
    def _stepped(self) -> NDArray[np.bool_]:
        """Whether a step of an optimizer followed each backward pass, (passes,): others only add to the gradients.

        Updates by hand, and those that LBFGS makes within one of its steps, are not seen as steps: they show in weights
        that moved where no step followed.
        """
        passes = np.searchsorted(self.series("loss").steps, self.series("update_ratio").steps)
        stepped = np.append(self.series("loss").values[1:, 1] > 0, True)
        unseen = bool(self.updates.size) and bool((self.updates[~stepped[passes]] > 0).any())
        return np.asarray(stepped | unseen)

    def in_each_step(self, series: Series) -> Floats:
        """What was counted at looked-at passes, added up over the passes that go into one step, (steps, columns);
        without steps of which not every pass was looked at."""
        step_of_pass = np.append(0, np.cumsum(self._stepped)[:-1])
        steps = step_of_pass[np.searchsorted(self.series("loss").steps, series.steps)]
        first = np.flatnonzero(np.diff(steps, prepend=-1))
        whole = np.diff(np.append(first, len(steps))) == np.bincount(step_of_pass)[steps[first]]
        return np.asarray(np.add.reduceat(series.values, first, axis=0)[whole], np.float64)

    @cached_property
    def _stands_for(self) -> Floats:
        """How many of the optimizer's steps each looked-at one stands for, up to the next, (looked-at steps,)."""
        passes = np.searchsorted(self.series("loss").steps, self.series("update_ratio").steps)
        stepped = self._stepped
        taken = np.append(0, np.cumsum(stepped))
        looked = np.flatnonzero(stepped[passes])
        count = np.zeros(len(passes))
        count[looked] = np.diff(taken[np.append(passes[looked], self.steps)])
        return count

    @cached_property
    def usual_update(self) -> float:
        """The median over all steps of |dw|/|w| of the weight matrix that moves most; NaN without updates."""
        if not self.updates.size:
            return math.nan
        order = np.argsort(self.updates, axis=0)
        counts = np.cumsum(self._stands_for[order], axis=0)
        middle = (counts < counts[-1] / 2).sum(axis=0)
        return float(np.max(np.take_along_axis(self.updates, order, axis=0)[middle, np.arange(len(middle))]))

    @cached_property
    def distance(self) -> float:
        """How far the weights that move most have gone in all, in multiples of their own size, as a sum of |dw|/|w|.

        The sum over the looked-at steps, each standing for those up to the next: an upper bound of the way, for steps
        may undo each other.
        """
        if not self.updates.size:
            return math.nan
        return float(np.max((self.updates * self._stands_for[:, None]).sum(axis=0), initial=0.0))

    @cached_property
    def relative_gradients(self) -> Floats:
        """|g|/|w| of the weights of the linear maps in order of computation, (looked-at steps, weights).

        Without weights that begin at zero: they have no size of their own yet to compare a gradient with.
        """
        gradients, weights = self.series("grad_norm"), self.series("weight_norm")
        columns = {number: column for column, number in enumerate(self.objective.parameters)}
        used = list(dict.fromkeys(self.network.nodes[number].weight for number in self.network.linear_maps))
        kept = [columns[number] for number in used if number in columns]
        rows = min(len(gradients.steps), len(weights.steps))
        if not rows or not kept or gradients.values.shape[1] != len(columns):
            return np.empty((0, 0))
        sized = [column for column in kept if weights.values[0, column] != 0]
        return gradients.values[:rows, sized].astype(np.float64) / np.maximum(weights.values[:rows, sized], 1e-30)

    def initial(self, parameter: Parameter) -> tuple[float, float, float]:
        """A parameter's first standard deviation, largest absolute value, and share of units equal to another."""
        first = self.run.series("initial_weight", parameter.id)
        return tuple(float(value) for value in first.values[0, :3]) if first else (math.nan, math.nan, math.nan)  # type: ignore[return-value]

    def still_loaded(self, parameter: Parameter) -> float:
        """The cosine between a parameter before training and what a state dict had brought; NaN where none had."""
        first = self.run.series("initial_weight", parameter.id)
        return float(first.values[0, 3]) if first and first.values.shape[1] > 3 else math.nan

    @cached_property
    def rates(self) -> dict[int, Series]:
        """The learning rates of each optimizer that follows, by its number."""
        return {o.id: self.run.series("learning_rate", o.id) for o in self.followed_by}

    def measured(self, quantity: str) -> Iterator[tuple[int, Series]]:
        """Each measured activation's node, with the series of its values as one column."""
        series = self.series(quantity)
        for column, number in enumerate(self.objective.measured):
            if series and column < series.values.shape[1]:
                yield number, Series(series.steps, series.values[:, column : column + 1])


def span(steps: Iterable[int]) -> str:
    """A range of steps as it is printed: "0-19"."""
    steps = list(steps)
    return f"{min(steps)}-{max(steps)}" if steps else ""

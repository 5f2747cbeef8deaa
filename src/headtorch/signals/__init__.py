"""Signals: series derived from a run file, computed once a run. Rules judge them; nothing here does.

A run is a list of fits, one for each objective: a loss that was minimised over a set of parameters.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cached_property

import numpy as np

from headtorch.model import Where
from headtorch.places import Places
from headtorch.places.data import order, prepared, sorted_in_collate
from headtorch.signals.course import Term, thin
from headtorch.signals.fit import FALLEN, Fit, span
from headtorch.signals.network import AFFINE, BOUNDED, LINEAR, Network, factor_of, is_affine, place_of
from headtorch.signals.ranks import Rank, others
from headtorch.store.records import Loss
from headtorch.store.run import Event, Run

__all__ = [
    "AFFINE",
    "BOUNDED",
    "LINEAR",
    "Fit",
    "Network",
    "Rank",
    "Signals",
    "Term",
    "factor_of",
    "is_affine",
    "place_of",
    "span",
    "thin",
]

TRIED = 3  # rates of networks on one line: two may be a teacher's and a student's
FOLDS = ("KFold", "StratifiedKFold", "GroupKFold", "RepeatedKFold", "RepeatedStratifiedKFold", "StratifiedGroupKFold")


class Signals:
    """The fits of a run, longest ones included, in the order in which they began."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._slips: dict[tuple[Callable[..., Where | None], tuple[str, ...]], Where | None] = {}
        self.places = Places(run.sources)
        self.fits: list[Fit] = []
        for objective in run.objectives:
            fit = Fit(run, objective, self.fits)
            if fit.steps:
                self.fits.append(fit)
        begun: dict[Where | None, list[Fit]] = {}
        for fit in self.fits:
            begun.setdefault(fit.objective.backward_at, []).append(fit)
        for alike in begun.values():
            for number, fit in enumerate(alike, 1):
                fit.turn = (number, len(alike))

    @cached_property
    def longest(self) -> Fit:
        """The fit with the most steps."""
        return max(self.fits, key=lambda fit: fit.steps)

    @cached_property
    def ranks(self) -> list[Rank]:
        """The other ranks of the job, beside this one's longest fit; none where one process trained alone."""
        return list(others(self.run, self.longest if self.fits else None))

    def calls_any(self, *names: str) -> bool:
        """Whether the user's sources call functions or methods of one of these names."""
        return any(True for file in self.run.sources for _ in self.places.calls(file, *names))

    @cached_property
    def held(self) -> set[int]:
        """The parameters that any optimizer holds."""
        return {number for optimizer in self.run.optimizers.values() for number in optimizer.parameters}

    @cached_property
    def moved(self) -> set[int]:
        """The numbers of the parameters that any fit moved."""
        return {
            number
            for fit in self.fits
            for number, moved in zip(fit.objective.parameters, fit.moved, strict=False)
            if moved
        }

    def moved_in(self, fit: Fit) -> set[int]:
        """The numbers of the parameters that one fit moved."""
        return {number for number, moved in zip(fit.objective.parameters, fit.moved, strict=False) if moved}

    def continued(self, fit: Fit) -> bool:
        """Whether a later fit, begun after the last step of this one, trains some of its parameters on."""
        last, reached = fit.series("loss").steps[-1:], set(fit.objective.reached)
        return any(
            len(last) > 0 and later.objective.first_step > last[0] and reached & set(later.objective.reached)
            for later in self.fits
        )

    def outdone(self, fit: Fit) -> bool:
        """Whether rates are tried out: three or more on one line, and a network like it with another one has learned
        more; or the weights are brought back to where they began, and trained on."""
        if fit.restored_from is not None and self.continued(fit):
            return fit.restored_from == int(fit.series("loss").steps[0])
        alike = [
            each
            for each in self.fits
            if each.objective.backward_at == fit.objective.backward_at and _form(each) == _form(fit)
        ]
        rates = {each: tuple(optimizer.made_with for optimizer in each.followed_by[-1:]) for each in alike}
        return len(set(rates.values())) >= TRIED and any(
            rates[other] != rates[fit]
            and other.gain > max(FALLEN, fit.gain)
            and not set(other.objective.reached) & set(fit.objective.reached)
            for other in alike
        )

    def rate_place(self, fit: Fit) -> Where | None:
        """Where the learning rate of a fit is written."""
        for optimizer in fit.followed_by[-1:]:
            rates = [float(rate) for series in fit.rates.values() for rate in np.unique(series.values)]
            return self.places.rate_of(optimizer.made_at, optimizer.kind, rates)
        backward = fit.objective.backward_at
        return None if backward is None else self.places.rate_by_hand(backward, fit.objective.stack) or backward

    def set_attributes_place(self, *names: str) -> Where | None:
        """The first place in the user's sources that sets an attribute, or calls a method, of one of these names."""
        places = (place for file in self.run.sources for place in self.places.sets_attribute(file, *names))
        return next(places, None)

    def first_slip(self, slip: Callable[..., Where | None], *names: str) -> Where | None:
        """The first place of one of the `slips` in the user's files."""
        if (slip, names) not in self._slips:
            places = (self._slip(slip, file, names) for file in self.run.sources)
            self._slips[slip, names] = next((place for place in places if place is not None), None)
        return self._slips[slip, names]

    def _slip(self, slip: Callable[..., Where | None], file: str, names: tuple[str, ...]) -> Where | None:
        try:
            return slip(self.places, file, *names)
        except RecursionError:  # an expression of a thousand terms is unparsed term by term
            return None

    def half_place(self) -> Where | None:
        """Where the user's sources ask for half precision."""
        return next((place for file in self.run.sources for place in self.places.half_precision(file)), None)

    def input_place(self, fit: Fit, position: int = 0) -> Where | None:
        """The line where what a fit's network is given at a position is made, or else the one that gives it."""
        for number in fit.objective.roots:
            module = self.run.modules.get(number)
            if module is not None and module.called_at is not None:
                stack = (module.called_at, *fit.objective.stack[1:])
                origin = self.places.origin(module.called_at, position)
                return prepared(self.places, stack, position) or origin or module.called_at
        maps = fit.network.linear_maps
        return (fit.network.nodes[maps[0]].where if maps else None) or fit.objective.backward_at

    def several_inputs(self, fit: Fit) -> bool:
        """Whether a fit's network gives different arguments of one function to its first layers."""
        entries = [n.where for n in fit.network.nodes if not n.inputs and n.outside and n.where is not None]
        given = {self.places.given_to(where) for where in entries} - {None}
        return any(one[:2] == other[:2] and one != other for one in given for other in given if one and other)

    def input_origin(self, fit: Fit) -> Where | None:
        """The line that first makes a fit's inputs, before they are prepared."""
        called = (self.run.modules[n].called_at for n in fit.objective.roots if n in self.run.modules)
        made = (self.places.origin(where) for where in called if where is not None)
        return next((where for where in made if where is not None), None) or self.input_place(fit)

    def target_place(self, fit: Fit, term: Loss | None = None) -> Where | None:
        """The line where the targets of a term of the loss, of the first one if none is given, are made, or else the
        one that compares predictions with them."""
        loss = term or fit.loss
        where = fit.network.nodes[loss.node].where if loss is not None and loss.node >= 0 else None
        if where is None:
            return fit.objective.backward_at
        return prepared(self.places, (where, *fit.objective.stack[1:]), 1) or self.places.origin(where, 1) or where

    @cached_property
    def loaded_in_vain(self) -> list[Event]:
        """The state dicts that brought a module nothing, where nothing else did later."""
        later = {event.value["module"] for event in self.run.events("loaded_after_all")}
        return [event for event in self.run.events("nothing_loaded") if event.value["module"] not in later]

    def _first_call(self, *names: str) -> Where | None:
        for file in self.run.sources:
            for _, place in self.places.calls(file, *names):
                return place
        return None

    def taken_place(self) -> Where | None:
        """Where a single batch is taken from a loader."""
        return self._first_call("next")

    def loader_place(self) -> Where | None:
        """Where the training data is cut into batches."""
        return self._first_call("DataLoader", "split", "batch")

    def order_place(self, fit: Fit) -> Where | None:
        """Where the indices are made by which a fit's network is given its examples."""
        called = (self.run.modules[n].called_at for n in fit.objective.roots if n in self.run.modules)
        return next((made for where in called if where is not None and (made := order(self.places, where))), None)

    def kept_place(self) -> Where | None:
        """Where an example is kept for later."""
        return self._first_call("append")

    def sampler_place(self) -> Where | None:
        """Where a sampler is made."""
        return self._first_call("WeightedRandomSampler", "RandomSampler", "SubsetRandomSampler", "choice", "choices")

    def shuffle_place(self) -> Where | None:
        """Where examples are brought into another order."""
        names = ("shuffle", "sample", "sort_values", "permutation", "sort", "argsort", "randperm")
        return next((place for name in names if (place := self._first_call(name)) is not None), None)

    def collate_place(self) -> Where | None:
        """Where examples are sorted as a batch is put together."""
        places = (sorted_in_collate(self.places, file) for file in self.run.sources)
        return next((place for place in places if place is not None), None)

    def copy_place(self) -> Where | None:
        """Where a network is copied, to average or to keep."""
        return self._first_call("AveragedModel", "deepcopy", "load_state_dict")

    def follows_place(self) -> Where | None:
        """Where the weights of a copy are brought nearer to those of the network."""
        return self._first_call("lerp_", "copy_")

    def split_place(self) -> Where | None:
        """Where the data is split into parts."""
        return self._first_call("train_test_split", "random_split", "KFold", "StratifiedKFold")

    def folds_place(self) -> Where | None:
        """Where the folds of a cross-validation are gone through."""
        for file in self.run.sources:
            for call, _ in self.places.calls(file, "split"):
                if any(name in ast.unparse(call) for name in FOLDS) or self._made_of_folds(file, call):
                    return self.places.where(file, call)
        return None

    def _made_of_folds(self, file: str, split: ast.Call) -> bool:
        """Whether a name that is asked for its split was made to go through folds."""
        owner = ast.unparse(split.func.value) if isinstance(split.func, ast.Attribute) else ""
        return any(
            isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == owner
            for call, place in self.places.calls(file, *FOLDS)
            for statement in self.places.nodes_at(Where(file, place.line), ast.Assign)
        )

    def schedule_place(self) -> Where | None:
        """Where a schedule of the learning rate is made: the one that ran, else the first in the sources."""
        for stack in self.run.stacks("scheduler"):
            if stack:
                return stack[0]
        for file in self.run.sources:
            for place in self.places.schedules(file):
                return place
        return None

    def criterion_place(self, fit: Fit) -> Where | None:
        """Where the loss module of a fit is made."""
        node = fit.network.nodes[fit.loss.node] if fit.loss is not None and fit.loss.node >= 0 else None
        return None if node is None else node.made_at

    def evaluation_place(self) -> Where | None:
        """Where the network is evaluated: the block that switches gradients off for it, else the call."""
        stack = self.evaluation
        blocks = (self.places.without_gradient(where) for where in stack)
        return next((block for block in blocks if block is not None), stack[0] if stack else None)

    def evaluated_data_place(self) -> Where | None:
        """Where the evaluated data is made, or else where the network is given it."""
        stack = self.evaluation
        if (made := prepared(self.places, stack, made=True)) is not None:
            return made
        return next((made for where in stack if (made := self.places.origin(where))), stack[0] if stack else None)

    @cached_property
    def evaluation(self) -> tuple[Where, ...]:
        """The stack of the last place that began to evaluate: earlier ones may try the network out."""
        stacks = [stack for stack in self.run.stacks("evaluation") if stack]
        return stacks[-1] if stacks else ()

    def places_of_dropout_always_on(self) -> Where | None:
        """A functional dropout that does not depend on the mode."""
        for file in self.run.sources:
            for place in self.places.dropouts_always_on(file):
                return place
        return None

    def init_place(self, zero: bool, name: str = "") -> Where | None:
        """Where the user's sources initialise weights by hand: what they are given, where it is named.

        `name` is that of the parameter, for sources that give each parameter its own values.
        """
        fillers = ("zeros_", "zero_", "fill_", "constant_") if zero else ("normal_", "uniform_", "constant_", "fill_")
        makers = ("zeros", "zeros_like") if zero else ("randn", "rand", "full", "ones")
        for file in self.run.sources:
            for made in self.places.assigned(file, name.rpartition(".")[2], makers):
                return made
        for file in self.run.sources:
            for call, place in self.places.calls(file, *fillers):
                for keyword in call.keywords:
                    scale = keyword.value
                    while isinstance(scale, ast.BinOp) and isinstance(scale.op, ast.Div):
                        scale = scale.left  # what it is divided by, as in `gain / sqrt(width)`, counts inputs
                    if keyword.arg in ("std", "a", "b", "val") and (w := self.places.written(file, scale, (place,))):
                        return w
                return place
        return self._first_call(*makers)

    @cached_property
    def reached(self) -> set[int]:
        """The numbers of the parameters that any loss reaches."""
        return {number for fit in self.fits for number in fit.objective.reached}


def _form(fit: Fit) -> list[tuple[str, int]]:
    """The kinds of a network's parameters, whatever their widths."""
    return [(parameter.kind, len(parameter.shape)) for parameter in fit.parameters]

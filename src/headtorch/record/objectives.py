"""Objectives: which loss is minimised over which parameters, told apart without keeping any of them alive.

A backward pass belongs to an objective by the user's lines that led to it. Another set of parameters, or an optimizer
made on other lines since, begins a new objective: a fine-tuning after a pre-training, the next fold, the other half of
a GAN.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch

from headtorch.model import Where
from headtorch.record.graph import Graph
from headtorch.record.layout import Layouts
from headtorch.record.network import Network
from headtorch.record.rows import Rows, gather, plain, row_length, sample

if TYPE_CHECKING:
    from headtorch.record.optimizers import Optimizers, OptimizerState

Site = tuple[tuple[int, int], ...]  # where a backward pass stands: by frame, the id of its code and the instruction
Reference = weakref.ref[torch.Tensor]
RECENT = 16  # objectives that an optimizer may step for
BROUGHT = 64  # values of a loaded tensor that are kept: of two drawn by lot the cosine is 0, give or take 1 / 8
MAX_CALLED = 8  # sets of modules before the passes of one objective: of more, as of modules made anew, none tells
MAX_OBJECTIVES = 64  # a search over hundreds of trainings need not describe each


class TensorNumbers:
    """Numbers tensors for the run file, and knows which were loaded, without keeping them alive."""

    def __init__(self, first_number: int) -> None:
        self._known: dict[int, tuple[Reference, int]] = {}
        self._loaded: dict[int, tuple[Reference, tuple[tuple[int, ...], torch.Tensor] | None]] = {}
        self._next = first_number

    def note_loaded(self, tensors: Iterable[torch.Tensor]) -> None:
        """Note tensors whose values came from a state dict. A part of the first ones is kept until it is asked for."""
        for tensor in tensors:
            key, part = id(tensor), None
            if not self.loaded(tensor):
                part = tensor.stride(), sample(plain(tensor.detach()), BROUGHT).clone()
            self._loaded[key] = weakref.ref(tensor, lambda _, key=key: self._loaded.pop(key, None)), part  # type: ignore[misc]

    def loaded(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor's values came from a state dict."""
        known = self._loaded.get(id(tensor))
        return known is not None and known[0]() is tensor

    def still_loaded(self, tensor: torch.Tensor) -> torch.Tensor:
        """The cosine between a part of a tensor's values and what a state dict brought there, (); NaN where none did,
        or several, or the tensor lies otherwise in memory by now. What was kept is given up."""
        unknown = torch.full((), float("nan"), device=tensor.device)
        if not self.loaded(tensor):
            return unknown
        reference, brought = self._loaded[id(tensor)]
        self._loaded[id(tensor)] = reference, None
        if brought is None or brought[0] != tensor.stride() or (tensor.is_cpu and not brought[1].is_cpu):
            return unknown
        then = brought[1].to(tensor.device, non_blocking=True).float()
        now = sample(plain(tensor.detach()), BROUGHT).float()
        if now.shape != then.shape or not now.numel():
            return unknown
        lengths = torch.linalg.vector_norm(now) * torch.linalg.vector_norm(then)
        return (now * then).sum().div_(lengths)

    def number(self, tensor: torch.Tensor) -> int:
        """The number of a tensor; the same object has the same number for life."""
        known = self._known.get(id(tensor))
        if known is None or known[0]() is not tensor:
            known = self._known[id(tensor)] = (weakref.ref(tensor), self._next)
            self._next += 1
        return known[1]


class Objective:
    """The state of one objective beside the training.

    `reached` are the learners that the loss reaches, `watched` all parameters of its modules, in the order of the
    parameter quantities. `count` is its number of backward passes, `stepped` whether an optimizer has stepped over its
    learners since the last one. `held_by` are the optimizers that hold its learners, `followed_by` the numbers of those
    that step right after it. `raw` says that the user holds the weights himself, outside modules and optimizers.
    """

    def __init__(self, number: int, site: Site, optimizer_made_at: tuple[Where, ...]) -> None:
        self.number = number
        self.site = site
        self.optimizer_made_at = optimizer_made_at
        self.count = 0
        self.reached: list[Reference] = []
        self.watched: list[Reference] = []
        self.raw = False
        self.network: Network | None = None
        self.layouts: Layouts | None = None
        self.traced = False
        self.told: set[str] = set()  # of what is told once, what has been
        self.tries = 0
        self.stepped = False
        self.collects = False  # its last backward pass added to gradients that no step has used
        self.has_optimizer = False
        self.held_by: dict[int, OptimizerState] = {}
        self.added_to: list[OptimizerState] = []  # by its last pass, the first one after they had stepped
        self.followed_by: set[int] = set()
        self.called: set[tuple[int, ...]] = set()  # the ids of the modules that were called before its passes
        self.compared_at = 0  # how many optimizers there were when its learners were last compared
        self.mode: tuple[int, ...] | None = None
        self.autocast: tuple[str, str] | None = None  # device and type at its last forward pass
        self.before: tuple[int, Rows, Rows] | None = None  # a looked-at step, the weights and their gradients before it

    def is_called_by(self, modules: tuple[int, ...]) -> bool:
        """Whether a pass after these modules, by id, may be its own: networks may take turns on one line."""
        return modules in self.called or len(self.called) >= MAX_CALLED

    def begin_pass(self) -> list[OptimizerState]:
        """The optimizers that have stepped over its learners since its last backward pass; a new pass begins."""
        fresh = [state for state in self.held_by.values() if state.fresh]
        self.collects = bool(self.held_by) and not fresh
        for state in fresh:
            state.fresh = False
        self.added_to = fresh
        return fresh

    def is_used_by(self, state: OptimizerState) -> None:
        """An optimizer steps for its last pass. What that added to the gradients of one that never steps for it, as an
        actor's loss does to its critic's, is of no use to that one: it is still to be reset."""
        for other in self.added_to:
            if other is not state and other.number not in self.followed_by:
                other.fresh = True
        self.added_to = []

    def is_held(self, state: OptimizerState, whole: bool = False) -> bool:
        """Whether an optimizer holds any of its learners, or all of them."""
        held = (id(reference()) in state.held for reference in self.reached)
        return all(held) if whole else state.number in self.held_by or any(held)

    def tensors(self) -> list[torch.Tensor | None]:
        """The watched tensors; None for one that is gone."""
        return [reference() for reference in self.watched]

    @property
    def gone(self) -> bool:
        """Whether all that it watched is gone: of too many objectives, the last one goes on for those after it."""
        return bool(self.watched) and all(reference() is None for reference in self.watched)

    def columns(self) -> dict[int, int]:
        """The columns of the watched tensors by id."""
        return {id(tensor): column for column, tensor in enumerate(self.tensors()) if tensor is not None}

    def learns(self, learners: Sequence[torch.Tensor], raw: bool) -> bool:
        """Whether these learners are its own: most of the smaller set in common.

        Not all, for a network may leave out a layer by chance or thaw another. Weights that the user holds himself may
        be new tensors of the same shapes each step.
        """
        if raw != self.raw:
            return False
        if raw:
            mine = [reference() for reference in self.reached]
            return None in mine or [tensor.shape for tensor in mine if tensor is not None] == [
                t.shape for t in learners
            ]
        if not learners or not self.reached:
            return len(learners) == len(self.reached)
        mine_ids = {id(reference()) for reference in self.reached}
        common = sum(id(tensor) in mine_ids for tensor in learners)
        return 2 * common >= min(len(learners), len(self.reached))

    def rows(self, tensors: Sequence[torch.Tensor | None]) -> Rows:
        """Rows of tensors that stand beside the watched ones."""
        return gather(tensors, row_length(len(tensors)))


class Objectives:
    """All objectives of the process, in the order in which they first ran."""

    def __init__(self, optimizers: Optimizers, first_number: int) -> None:
        self._first_number = first_number
        self.all: list[Objective] = []
        self._by_site: dict[Site, Objective] = {}
        self._optimizers = optimizers

    def at(self, site: Site) -> Objective | None:
        """The last objective of a site."""
        return self._by_site.get(site)

    def stepped_for(self, state: OptimizerState, last: Objective | None) -> list[Objective]:
        """Note a step of an optimizer. Returns the objectives that it has stepped for and never did before.

        That is the last one, and those whose backward passes came before that one's, if it holds all their learners;
        these alone, if it holds none of the last one's.
        """
        over = [each for each in self.all[-RECENT:] if each.is_held(state)]
        waited = [each for each in over if not each.stepped]
        for objective in over:
            objective.held_by[state.number] = state
            objective.has_optimizer = objective.stepped = True
        if last is None:
            return []
        if last in over:
            waited = [last, *(each for each in waited if each is not last and each.is_held(state, whole=True))]
        return [each for each in waited or [last] if state.number not in each.followed_by]

    def identify(
        self,
        site: Site,
        known: Objective | None,
        graph: Graph | None,
        wanted: Sequence[torch.Tensor],
        otherwise: Objective | None,
    ) -> Objective | None:
        """The objective of a pass at a site; a new one unless it is `known` or another of that site.

        `otherwise` is what it counts for when there are too many objectives.
        """
        learners, raw = learners_of(graph, self._optimizers, wanted) if graph is not None else ([], False)
        newest = self._optimizers.newest_over(learners)
        made_at = newest.made_at if newest else ()
        candidates = [known] if known is not None else []
        candidates += [each for each in self.all if each.site == site and each is not known]
        for objective in candidates:
            new_optimizer = newest is not None and made_at != objective.optimizer_made_at and objective.count > 0
            if objective.learns(learners, raw) and not (new_optimizer and objective.has_optimizer):
                if raw:
                    objective.reached = objective.watched = [weakref.ref(tensor) for tensor in learners]
                objective.compared_at = self._optimizers.made
                self._by_site[site] = objective
                return objective
        if len(self.all) >= MAX_OBJECTIVES:
            return known or otherwise
        objective = Objective(self._first_number + len(self.all), site, made_at)
        objective.raw = raw
        objective.compared_at = self._optimizers.made
        objective.has_optimizer = newest is not None
        objective.reached = [weakref.ref(tensor) for tensor in learners]
        self.all.append(objective)
        self._by_site[site] = objective
        return objective


def learners_of(
    graph: Graph, optimizers: Optimizers, wanted: Sequence[torch.Tensor]
) -> tuple[list[torch.Tensor], bool]:
    """The leaves of a graph that learn, and whether they stand outside modules and optimizers.

    A leaf that is no nn.Parameter and in no optimizer is data (an image under attack, a point of a differential
    equation) unless there is nothing else: then the user holds his weights himself. `wanted` are the inputs that
    backward was asked for; none means all.
    """
    leaves = graph.leaves
    if wanted:
        ids = {id(tensor) for tensor in wanted}
        leaves = [leaf for leaf in leaves if id(leaf) in ids]
    learners = [leaf for leaf in leaves if isinstance(leaf, torch.nn.Parameter) or optimizers.holder(leaf) is not None]
    return (learners, False) if learners else (leaves, bool(leaves))
